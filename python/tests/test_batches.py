"""Which sequences a batch holds, and where their rows go."""

from __future__ import annotations

import numpy as np
import pytest
import rows
import torch
from fake_teacher import INVALID, FakeTeacher, failed

import lyne
from lyne.batches import plan_batch

TOKENS = torch.tensor([[5, 6, 7, 8, 9, 10], [11, 12, 13, 14, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])


def found(plan) -> list[tuple[int, int, list[int], list[int]]]:
    return [(s.row, s.start, s.sequence.tokens.tolist(), s.sequence.positions.tolist()) for s in plan.segments]


def test_plan_batch_right_padding_ends_each_sequence_at_its_last_token():
    plan = plan_batch({"input_ids": TOKENS, "attention_mask": MASK})
    assert found(plan) == [(0, 0, [5, 6, 7, 8, 9, 10], [0, 1, 2, 3, 4]), (1, 0, [11, 12, 13, 14], [0, 1, 2])]
    assert plan.labels.tolist() == [[6, 7, 8, 9, 10, -100], [12, 13, 14, -100, -100, -100]]


def test_plan_batch_left_padding_begins_where_the_tokens_do():
    plan = plan_batch({"input_ids": TOKENS.flip(1), "attention_mask": MASK.flip(1)})
    assert found(plan)[1] == (1, 2, [14, 13, 12, 11], [0, 1, 2])
    assert plan.labels.tolist()[1] == [-100, -100, 13, 12, 11, -100]


def test_plan_batch_prompt_outside_the_loss_is_not_asked_for():
    labels = torch.tensor([[-100, -100, -100, 8, 9, 10], [-100] * 6])
    plan = plan_batch({"input_ids": TOKENS, "attention_mask": MASK, "labels": labels})
    assert found(plan) == [(0, 0, [5, 6, 7, 8, 9, 10], [2, 3, 4])]


def test_plan_batch_packed_rows_are_cut_at_each_document():
    positions = torch.tensor([[0, 1, 2, 0, 1, 2], [0, 1, 0, 1, 0, 0]])
    plan = plan_batch({"input_ids": TOKENS, "position_ids": positions})
    assert [s[2] for s in found(plan)] == [[5, 6, 7], [8, 9, 10], [11, 12], [13, 14]]
    assert plan.labels.tolist() == [[6, 7, -100, 9, 10, -100], [12, -100, 14, -100, -100, -100]]


def test_plan_batch_mask_that_numbers_the_documents_of_position_ids_is_taken():
    positions = torch.tensor([[0, 1, 2, 0, 1, 0], [0, 1, 2, 3, 0, 0]])
    plan = plan_batch(
        {"input_ids": TOKENS, "position_ids": positions, "attention_mask": torch.tensor([[1, 1, 1, 2, 2, 0], [1] * 4 + [0] * 2])}
    )
    assert [s[2] for s in found(plan)] == [[5, 6, 7], [8, 9], [11, 12, 13, 14]]


def test_plan_batch_cumulative_lengths_cut_a_flat_row():
    for name in ("cu_seqlens", "cu_seq_lens_q"):
        plan = plan_batch({"input_ids": TOKENS[:1], name: torch.tensor([0, 2, 6])})
        assert [s[2] for s in found(plan)] == [[5, 6], [7, 8, 9, 10]]


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ({"attention_mask": torch.tensor([[1, 0, 1, 1, 1, 1], [1] * 6])}, "row 0 has gaps"),
        ({"attention_mask": torch.tensor([[1, 1, 1, 2, 2, 0], [1] * 6])}, "2 in row 0 .*position_ids"),
        (
            {"cu_seqlens": torch.tensor([0, 2, 6]), "input_ids": TOKENS[:1], "attention_mask": torch.tensor([[1, 1, 1, 1, 0, 0]])},
            r"attention_mask: 2 of the 4 tokens of a document of cu_seqlens at 2 \(expected: all, or 0\)",
        ),
        (
            {"attention_mask": torch.tensor([[1, 1, 1, 2, 2, 0], [1] * 6]), "position_ids": torch.tensor([[0, 1, 2, 3, 4, 0], [0] * 6])},
            "attention_mask: row 0 numbers several documents where position_ids have one, at 0",
        ),
        ({"labels": TOKENS[:, 1:]}, r"labels: shape \[2, 5\] \(expected: \[2, 6\]"),
        ({"labels": TOKENS.roll(-1, 1)}, "labels: row 0 differs from its input_ids"),
        ({"cu_seqlens": torch.tensor([0, 6])}, "with 2 rows"),
        ({"cu_seqlens": torch.tensor([0, 3, 7]), "input_ids": TOKENS[:1]}, "cu_seqlens"),
        ({"cu_seqlens": torch.tensor([1, 6]), "input_ids": TOKENS[:1]}, "cu_seqlens"),
        ({"input_ids": TOKENS[0]}, r"input_ids: shape \[6\]"),
    ],
)
def test_plan_batch_contradictions_are_refused(columns, what):
    with pytest.raises(ValueError, match=what):
        plan_batch({"input_ids": TOKENS, **columns})


def require_rows(batch: dict, temperature: float = 1.0) -> None:
    """Each position with a label has the made-up teacher's row; no other has any."""
    plan = plan_batch(batch)
    asked = torch.zeros(plan.shape, dtype=torch.bool)
    for segment in plan.segments:
        for position in segment.sequence.positions:
            at = (segment.row, segment.start + int(position))
            asked[at] = True
            lp = rows.distribution(segment.sequence.tokens, int(position))
            tempered = lp / temperature - np.log(np.exp(lp / temperature).sum())
            ids = batch["target_token_ids"][at][batch["target_mask"][at]].numpy()
            np.testing.assert_allclose(batch["target_logprobs"][at][batch["target_mask"][at]], tempered[ids], atol=1e-5)
            tail = np.delete(tempered, ids)
            assert float(batch["log_tail"][at]) == pytest.approx(np.log(np.exp(tail).sum()), abs=1e-4)
            assert float(batch["label_logprob"][at]) == pytest.approx(lp[int(batch["target_labels"][at])], abs=1e-5)
    assert torch.equal(batch["target_mask"].any(-1), asked)
    assert torch.equal(batch["target_labels"] != -100, asked)


def batches(count: int = 12) -> list[dict]:
    random = np.random.default_rng(3)
    made = []
    for _ in range(count):
        lengths = random.integers(3, 9, 4)
        mask = np.arange(9) < lengths[:, None]
        made.append(
            {"input_ids": torch.from_numpy(random.integers(0, rows.VOCABULARY, (4, 9))), "attention_mask": torch.from_numpy(mask * 1)}
        )
    return made


def teacher_of(fake: FakeTeacher, **changes) -> lyne.Teacher:
    options = lyne.ClientOptions(window_sequences=6, first_backoff=0.01)
    return lyne.Teacher(fake.address, fake.selection, precision="exact", options=options, **changes)


def test_plan_batch_document_that_is_all_padding_is_left_out():
    mask = torch.tensor([[1, 1, 1, 1, 0, 0]])
    plan = plan_batch({"input_ids": TOKENS[:1], "cu_seqlens": torch.tensor([0, 4, 6]), "attention_mask": mask})
    assert [(segment.start, len(segment.sequence.tokens)) for segment in plan.segments] == [(0, 4)]


def test_attach_batches_keep_their_order_and_get_their_rows():
    with FakeTeacher() as fake, teacher_of(fake) as teacher:
        given = batches()
        attached = list(teacher.attach(given))
        assert all(torch.equal(a["input_ids"], b["input_ids"]) for a, b in zip(given, attached, strict=True))
        for batch in attached:
            require_rows(batch)
        assert teacher.statistics().coverage == 1


def test_attach_temperature_gives_rows_that_are_tempered():
    with FakeTeacher() as fake:
        fake.selection = lyne.TopK(4, temperatures=(2.0,))
        with teacher_of(fake, temperature=2.0) as teacher:
            for batch in teacher.attach(batches(3)):
                require_rows(batch, 2.0)


def test_attach_teacher_with_noisy_tails_is_believed_within_what_it_states():
    def behave(sequence, number):
        return noisy.honest(sequence, tail_factor=1.01)

    with FakeTeacher(behave, tail_error=1e-2) as noisy, teacher_of(noisy) as teacher:
        for batch in teacher.attach(batches(2)):
            assert batch["teacher_tail_error"] == 1e-2
            assert lyne.sparse_targets(batch).tail_error == 1e-2
    with FakeTeacher(behave, tail_error=1e-4) as noisy, teacher_of(noisy) as teacher:
        with pytest.raises(lyne.CoverageError, match="kept and tail mass"):
            list(teacher.attach(batches(2)))
    with FakeTeacher() as fake, teacher_of(fake) as teacher:
        batch = next(iter(teacher.attach(batches(1))))
        assert "teacher_tail_error" not in batch
        assert batch["teacher_vocabulary_size"].tolist() == [rows.VOCABULARY] * 4
        assert lyne.sparse_targets(batch).vocabulary_size == rows.VOCABULARY


def test_attach_loop_that_is_left_leaves_nothing_for_the_next():
    with FakeTeacher() as fake, teacher_of(fake) as teacher:
        for batch in teacher.attach(batches()):
            require_rows(batch)
            break
        for batch in teacher.attach(batches()[5:]):
            require_rows(batch)


def test_attach_two_loops_at_once_do_not_mix():
    with FakeTeacher() as fake, teacher_of(fake) as teacher:
        for one, other in zip(teacher.attach(batches()), teacher.attach(batches()[::-1]), strict=True):
            require_rows(one)
            require_rows(other)


def test_attach_batch_without_labels_passes_through():
    empty = {"input_ids": TOKENS, "labels": torch.full_like(TOKENS, -100)}
    with FakeTeacher() as fake, teacher_of(fake) as teacher:
        attached = list(teacher.attach([empty, *batches(2), empty]))
        assert not attached[0]["target_mask"].any() and not attached[3]["target_mask"].any()


def test_attach_failed_sequence_stops_with_the_list():
    with FakeTeacher(lambda asked, number: failed(asked, INVALID, "no") if number == 5 else None) as fake:
        with teacher_of(fake) as teacher, pytest.raises(lyne.CoverageError, match=r"of a batch's .* INVALID_ARGUMENT: .* no"):
            list(teacher.attach(batches()))


def test_attach_lower_coverage_leaves_a_failed_sequence_without_rows():
    with FakeTeacher(lambda asked, number: failed(asked, INVALID, "no") if number == 1 else None) as fake:
        with teacher_of(fake, min_coverage=0.5) as teacher:
            attached = list(teacher.attach(batches(2)))
    assert attached[0]["target_mask"].any(-1).any(-1).tolist() == [True, False, True, True]
    assert (attached[0]["target_labels"][1] != -100).any()


class TestResume:
    def test_load_state_dict_goes_on_after_what_was_handed_out(self):
        with FakeTeacher() as fake, teacher_of(fake) as teacher:
            first = teacher.attach(batches())
            seen = []
            for number, batch in enumerate(first):
                seen.append(batch)
                if number == 4:
                    state = first.state_dict()
                    break
            second = teacher.attach(batches())
            second.load_state_dict(state)
            seen += list(second)
            whole = list(teacher.attach(batches()))
        assert len(seen) == len(whole)
        for one, other in zip(seen, whole, strict=True):
            assert all(torch.equal(one[name], other[name]) for name in one)

    def test_load_state_dict_loader_with_a_state_of_its_own_is_asked_to_go_there(self):
        class Stateful(list):
            def __iter__(self):
                while self.at < len(self):
                    self.at += 1
                    yield self[self.at - 1]
                self.at = 0

            def state_dict(self):
                return {"at": self.at}

            def load_state_dict(self, state):
                self.at = state["at"]

        def loader():
            made = Stateful(batches())
            made.at = 0
            return made

        with FakeTeacher() as fake, teacher_of(fake) as teacher:
            first = teacher.attach(loader())
            for number, _ in enumerate(first):
                if number == 3:
                    state = first.state_dict()
                    break
            assert state["loader"] == {"at": 4}, "what was handed out, not what was fetched ahead"
            second = teacher.attach(loader())
            second.load_state_dict(state)
            assert sum(1 for _ in second) == 8

    def test_load_state_dict_another_teacher_or_other_rows_are_refused(self):
        with FakeTeacher() as fake, teacher_of(fake) as teacher:
            first = teacher.attach(batches())
            next(iter(first))
            state = first.state_dict()
        with FakeTeacher(model_sha256=bytes([7]) * 32) as fake, teacher_of(fake) as teacher:
            second = teacher.attach(batches())
            second.load_state_dict(state)
            for _ in range(2):  # a second try begins no epoch anew
                with pytest.raises(ValueError, match=rf"{rows.TEACHER.hex()}.*expected: .*{'07' * 32}"):
                    next(iter(second))
        with FakeTeacher() as fake:
            fake.selection = lyne.TopK(2)
            with teacher_of(fake) as teacher:
                third = teacher.attach(batches())
                third.load_state_dict(state)
                with pytest.raises(ValueError, match=r"k=4\).*expected: .*k=2\)"):
                    next(iter(third))

    def test_load_state_dict_unknown_keys_are_refused(self):
        with pytest.raises(ValueError, match="expected: epoch, batches, loader, teacher"):
            lyne.AttachedLoader(None, []).load_state_dict({"epoch": 1})


def collate(examples: list[torch.Tensor]) -> dict:
    return {"input_ids": torch.stack(examples)}


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_collator_in_workers_opens_a_stream_in_each(context):
    examples = [torch.from_numpy(np.random.default_rng(i).integers(0, rows.VOCABULARY, 8)) for i in range(24)]
    with FakeTeacher() as fake, teacher_of(fake) as teacher:
        loader = torch.utils.data.DataLoader(
            examples, batch_size=3, collate_fn=teacher.collator(collate), num_workers=2, multiprocessing_context=context
        )
        found = list(loader)
        assert len(found) == 8
        for batch in found:
            require_rows(batch)
        assert len(fake.opens) == 2


def test_collator_labels_are_those_that_have_a_target():
    given = [
        {"input_ids": TOKENS, "attention_mask": MASK},
        {"input_ids": TOKENS, "position_ids": torch.tensor([[0, 1, 2, 0, 1, 2], [0, 1, 0, 1, 0, 0]]), "labels": TOKENS},
        {"input_ids": TOKENS.flip(1), "attention_mask": MASK.flip(1), "labels": TOKENS.flip(1), "shift_labels": TOKENS},
    ]
    with FakeTeacher() as fake, teacher_of(fake) as teacher:
        made = [teacher.collator(lambda batch: batch)(batch) for batch in given]
    for batch, expected in zip(
        made,
        (
            [[-100, 6, 7, 8, 9, 10], [-100, 12, 13, 14, -100, -100]],
            [[-100, 6, 7, -100, 9, 10], [-100, 12, -100, 14, -100, -100]],
            [[-100, 9, 8, 7, 6, 5], [-100, -100, -100, 13, 12, 11]],
        ),
        strict=True,
    ):
        assert batch["labels"].tolist() == expected
        assert (batch["labels"] >= 0).sum() == (batch["target_labels"] >= 0).sum()
        assert "shift_labels" not in batch
