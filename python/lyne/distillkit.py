"""A signal source for DistillKit: its trainer asks for each batch's sparse signal, and gets a Lyne teacher's rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from distillkit.signals import SignalSource, SparseSignal
from numpy.typing import NDArray
from typing_extensions import override

from lyne.batches import BatchPlan, BatchRows, Segment, documents_of
from lyne.client import TargetSequence
from lyne.losses.rows import IGNORED
from lyne.teacher import Teacher

__all__ = ["LyneSignalSource"]


class LyneSignalSource(SignalSource):
    """Rows where DistillKit's losses read one: at each position s whose own label is 0 or more, the row after token s.

    So the last token of a document has a row, too, unless its label is −100. Elsewhere DistillKit computes a loss and multiplies it by 0;
    there each value is finite and of no model. Its format has no room for rows of different lengths: the selection keeps as many entries
    at each position, as `TopK` does.

    Raises:
        ValueError: for another selection, for hidden states, and for labels where there is no token to have a row for, as in padding.
        LyneError: where a row that is read does not come.
    """

    def __init__(self, teacher: Teacher):
        selection = teacher.selection
        if not (selection.keeps_always and selection.is_prefix):
            raise ValueError(f"selection: {selection} (expected: top_k or top_fraction, whose rows all keep as many entries)")
        self._teacher = teacher

    @override
    def supports_hidden_states(self) -> bool:
        return False

    @override
    def get_signal(self, batch: dict[str, Any], return_hidden_states: bool = False) -> SparseSignal:
        if return_hidden_states:
            raise ValueError("hidden states: wanted (expected: none, a teacher sends rows alone)")
        vocabulary = self._teacher.describe().vocabulary_size
        plan = _plan(batch)
        rows = BatchRows(plan, self._teacher.selection, vocabulary, self._teacher.temperature)
        answers = self._teacher.answers([segment.sequence for segment in plan.segments])
        for segment, targets in zip(plan.segments, answers, strict=True):
            rows.add(segment, targets)
        columns = rows.columns()
        ids, values, kept = columns["target_token_ids"], columns["target_logprobs"], columns["target_mask"]
        # Nobody's rows: all ids distinct and some mass left over, so that no logarithm or product of the losses is infinite.
        entries = ids.shape[-1]
        ids = torch.where(kept, ids, torch.arange(entries))
        values = torch.where(kept, values, torch.tensor(-math.log(entries + 1)))
        device = batch["input_ids"].device
        return SparseSignal(
            generation_temperature=self._teacher.temperature,
            hidden_states=None,
            vocab_size=vocabulary,
            sparse_ids=ids.to(device),
            sparse_values=values.to(device),
            log_values=True,
        )


def _plan(batch: Mapping[str, Any]) -> BatchPlan:
    """Sequences with a row at each position that DistillKit does not mask; it masks by the label at the position, not by the next one."""
    tokens, documents = documents_of(batch)
    read = _read(batch, tokens)
    rowless = read.copy()
    segments: list[Segment] = []
    for row, first, last in documents:
        (wanted,) = np.nonzero(read[row, first:last])
        rowless[row, first:last] = False
        if len(wanted):
            sequence = TargetSequence(len(segments), tokens[row, first:last], wanted.astype(np.int32))
            segments.append(Segment(row, first, sequence))
    if rowless.any():
        row, position = (int(at[0]) for at in np.nonzero(rowless))
        raise ValueError(f"labels: one of 0 or more in the padding of row {row}, at position {position} (expected: {IGNORED})")
    beside = np.full(tokens.shape, IGNORED, dtype=np.int64)
    return BatchPlan((tokens.shape[0], tokens.shape[1]), beside, segments)


def _read(batch: Mapping[str, Any], tokens: NDArray) -> NDArray[np.bool_]:
    labels = batch.get("labels")
    if labels is None:
        return np.ones(tokens.shape, dtype=bool)
    if tuple(labels.shape) != tokens.shape:
        raise ValueError(f"labels: shape {list(labels.shape)} (expected: {list(tokens.shape)}, as input_ids)")
    return (labels >= 0).cpu().numpy()
