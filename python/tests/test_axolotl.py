"""Batches for axolotl's trainer, held to its formula of the loss."""

from __future__ import annotations

import numpy as np
import pytest
import rows
import torch
from fake_teacher import FakeTeacher

import lyne
from lyne.axolotl import KDCollator, kd_batch

K = 4
#: Two documents packed into a row, as axolotl's multipack numbers them, and a row with a prompt and padding.
PACKED = {
    "input_ids": torch.tensor([[5, 6, 7, 8, 9, 10], [11, 12, 13, 14, 0, 0]]),
    "labels": torch.tensor([[5, 6, 7, 8, 9, 10], [-100, -100, 13, 14, -100, -100]]),
    "attention_mask": torch.tensor([[1, 1, 1, 2, 2, 2], [1, 1, 1, 1, 0, 0]]),
    "position_ids": torch.tensor([[0, 1, 2, 0, 1, 2], [0, 1, 2, 3, 0, 0]]),
}
WITH_ROWS = [[True, True, False, True, True, False], [False, True, True, False, False, False]]


def loss(logits: torch.Tensor, batch: dict, normalize_topk: bool, temperature: float = 1.0) -> torch.Tensor:
    """T² Σ p_t (log p_t − log p_s) over the kept ids, both at the temperature T, the student's renormalised over the K ids where that is
    asked for: `distillation_loss_fn` and `forward` of LigerFusedLinearKLTopKLogprobFunction with beta 0, in
    integrations/kd/kernels/liger.py of axolotl 0.19."""
    student = torch.log_softmax(logits / temperature, -1).gather(-1, batch["target_token_ids"])
    if normalize_topk:
        student = student - student.logsumexp(-1, keepdim=True)
    valid = batch["target_mask"].bool()
    target = batch["target_logprobs"][valid]
    return temperature**2 * (target.exp() * (target - student[valid])).sum()


def distributions() -> torch.Tensor:
    """What the teacher says at each position, document by document; zeros elsewhere. [rows, positions, vocabulary]"""
    found = torch.zeros(2, 6, rows.VOCABULARY, dtype=torch.float64)
    for row, first, last in ((0, 0, 3), (0, 3, 6), (1, 0, 4)):
        tokens = PACKED["input_ids"][row, first:last].numpy()
        for position in range(last - first):
            found[row, first + position] = torch.from_numpy(rows.distribution(tokens, position))
    return found


def collated(normalize_topk: bool | None, temperature: float | None = None) -> dict:
    with FakeTeacher() as fake:
        fake.selection = lyne.TopK(K, temperatures=() if temperature is None else (temperature,))
        with lyne.Teacher(fake.address, fake.selection, precision="exact", temperature=temperature or 1.0) as teacher:
            return KDCollator(teacher, lambda features: dict(features[0]), normalize_topk, temperature)([PACKED], return_tensors="pt")


@pytest.mark.parametrize("temperature", [None, 2.0])
def test_collator_normalised_student_that_is_the_teacher_loses_nothing(temperature):
    logits = distributions()
    assert loss(logits, collated(True, temperature), True, temperature or 1.0).item() == pytest.approx(0, abs=1e-5)
    assert abs(loss(logits, collated(False, temperature), True, temperature or 1.0).item()) > 0.1, "rows as they come do not fit"


def test_collator_normalised_loss_is_the_divergence_over_the_kept_ids():
    logits = torch.randn(2, 6, rows.VOCABULARY, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    teacher = distributions()
    expected = 0.0
    for row, position in np.argwhere(WITH_ROWS).tolist():
        kept = teacher[row, position].topk(K).indices
        target, student = torch.log_softmax(teacher[row, position][kept], -1), torch.log_softmax(logits[row, position][kept], -1)
        expected += float((target.exp() * (target - student)).sum())
    assert loss(logits, collated(True), True).item() == pytest.approx(expected, rel=1e-5)


def test_collator_rows_as_they_come_have_the_loss_of_the_whole_softmax():
    logits = torch.randn(2, 6, rows.VOCABULARY, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    teacher, student = distributions(), torch.log_softmax(logits, -1)
    expected = 0.0
    for row, position in np.argwhere(WITH_ROWS).tolist():
        kept = teacher[row, position].topk(K)
        expected += float((kept.values.exp() * (kept.values - student[row, position][kept.indices])).sum())
    assert loss(logits, collated(None), False).item() == pytest.approx(expected, rel=1e-5)


def test_collator_batch_has_what_axolotl_and_its_model_take_alone():
    batch = collated(None)
    assert set(batch) == {*PACKED, "target_token_ids", "target_logprobs", "target_mask"}
    assert batch["target_mask"].any(-1).tolist() == WITH_ROWS
    # Its cross-entropy is on the labels moved by one, which stand where there are rows.
    moved = torch.nn.functional.pad(batch["labels"], (0, 1), value=-100)[:, 1:]
    assert (moved >= 0).tolist() == WITH_ROWS


def test_collator_temperature_that_rows_are_not_at_is_refused():
    teacher = lyne.Teacher("127.0.0.1:1", lyne.TopK(K), temperature=2.0)
    with pytest.raises(ValueError, match=r"kd_temperature: 1.0 \(expected: 2.0"):
        KDCollator(teacher, dict)


def test_kd_batch_rows_of_different_lengths_are_refused_where_the_student_is_renormalised():
    mask = torch.tensor([[[True, True], [True, False], [False, False]]])
    batch = {"target_mask": mask, "target_logprobs": torch.zeros(1, 3, 2), "target_token_ids": torch.zeros(1, 3, 2, dtype=torch.long)}
    with pytest.raises(ValueError, match=r"rows: 1 ids in row 0, at position 1 \(expected: 2, as elsewhere with kd_normalize_topk"):
        kd_batch(batch, True)
    assert kd_batch(batch, False) == batch
    with pytest.raises(ValueError, match="rows: of draws"):
        kd_batch({**batch, "target_weights": mask}, False)
