"""Between a batch of padded or packed token ids and the sequences that a teacher scores: which there are, and where their rows go.

Position s of a batch's row predicts token s + 1, so that is where the teacher's row for token s + 1 stands, and `target_labels[s]` is that
token. A sequence never spans two documents: what is packed into one row is asked for document by document, and the last position of a
document predicts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lyne.client.targets import Targets, TargetSequence
from lyne.losses.rows import IGNORED, SparseTargets
from lyne.wire.selection import Draws, Selection

__all__ = ["COLUMNS", "OWN_TEXT_COLUMNS", "BatchPlan", "Segment", "documents_of", "plan_batch", "sparse_targets"]

COLUMNS = (
    "target_token_ids",
    "target_logprobs",
    "target_mask",
    "log_tail",
    "label_logprob",
    "target_labels",
    "target_weights",
    "target_logits",
)
"""The columns that are added to a batch; the last two only for draws and for raw logits."""

OWN_TEXT_COLUMNS = ("own_text", "policy_proposal_logprob", "policy_old_logprob", "policy_advantage")
"""What a loop of one's own adds for losses on text that the student wrote."""


@dataclass(frozen=True)
class Segment:
    """A document within a row of a batch: its tokens stand at row, start to start + length."""

    row: int
    start: int
    sequence: TargetSequence


@dataclass(frozen=True)
class BatchPlan:
    """What a batch needs: shape, the labels beside its rows, and its sequences."""

    shape: tuple[int, int]
    labels: NDArray[np.int64]
    segments: Sequence[Segment]

    @property
    def positions(self) -> int:
        """Rows wanted."""
        return sum(len(segment.sequence.positions) for segment in self.segments)


def _array(value: Any) -> NDArray:
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)


def plan_batch(batch: Mapping[str, Any], first_id: int = 0) -> BatchPlan:
    """Which sequences a batch holds, and which of their positions have a label to learn.

    Args:
        batch: `input_ids` [B, S]; where there are any, `labels` [B, S] as Hugging Face has them (unshifted, −100 where nothing is learnt),
            `attention_mask` [B, S], and for packed rows `position_ids` [B, S], which begin at 0 again with each document, or
            `cu_seqlens` (or `cu_seq_lens_q`), the ends of the documents of a single row. Beside `position_ids` the mask may number the
            documents.
        first_id: id of the first sequence, for errors.

    Raises:
        ValueError: for columns of other shapes; for a mask that is not one run of ones in each row, or with `cu_seqlens` masks a part of
            a document; for a mask that numbers packed documents, which without `position_ids` would be scored as one; and for one that
            numbers others than `position_ids` have.
    """
    tokens, documents = documents_of(batch)
    labels = _column(batch, "labels", tokens.shape)
    beside = np.full(tokens.shape, IGNORED, dtype=np.int64)
    segments: list[Segment] = []
    for row, first, last in documents:
        wanted = tokens[row, first + 1 : last] if labels is None else labels[row, first + 1 : last]
        learnt = np.flatnonzero(wanted != IGNORED).astype(np.int32)
        if not len(learnt):
            continue
        beside[row, first + learnt] = wanted[learnt]
        if (wanted[learnt] != tokens[row, first + 1 + learnt]).any():
            raise ValueError(f"labels: row {row} differs from its input_ids (expected: the same tokens, unshifted, or {IGNORED})")
        sequence = TargetSequence(first_id + len(segments), tokens[row, first:last], learnt)
        segments.append(Segment(row, first, sequence))
    return BatchPlan((tokens.shape[0], tokens.shape[1]), beside, segments)


def documents_of(batch: Mapping[str, Any]) -> tuple[NDArray, list[tuple[int, int, int]]]:
    """The token ids of a batch [B, S], and row, first position and end of each document in it; columns and errors are `plan_batch`'s."""
    tokens = _array(batch["input_ids"])
    if tokens.ndim != 2:
        raise ValueError(f"input_ids: shape {list(tokens.shape)} (expected: [batch, sequence])")
    mask = _column(batch, "attention_mask", tokens.shape)
    positions = _column(batch, "position_ids", tokens.shape)
    ends = next((_array(batch[name]).reshape(-1) for name in ("cu_seqlens", "cu_seq_lens_q") if batch.get(name) is not None), None)
    if ends is not None:
        _require_cuts(ends, tokens.shape)
    found: list[tuple[int, int, int]] = []
    for row in range(tokens.shape[0]):
        if ends is not None:
            documents = _unmasked(pairwise(ends.tolist()), row, mask)
        else:
            start, end = _content(row, mask if positions is None or mask is None else (mask != 0).astype(np.int64), tokens.shape[1])
            documents = _documents(row, start, end, positions)
            if mask is not None:
                _require_numbers(row, mask, documents)
        found.extend((row, first, last) for first, last in documents)
    return tokens, found


def _require_cuts(ends: NDArray, shape: tuple[int, ...]) -> None:
    if shape[0] != 1:
        raise ValueError(f"cu_seqlens: with {shape[0]} rows (expected: 1 row)")
    if len(ends) < 2 or ends[0] != 0 or ends[-1] > shape[1] or (np.diff(ends) < 0).any():
        raise ValueError(f"cu_seqlens: {ends.tolist()} (expected: ascending, from 0 to at most {shape[1]})")


def _column(batch: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> NDArray | None:
    if batch.get(name) is None:
        return None
    column = _array(batch[name])
    if column.shape != shape:
        raise ValueError(f"{name}: shape {list(column.shape)} (expected: {list(shape)}, as input_ids)")
    return column


def _content(row: int, mask: NDArray | None, length: int) -> tuple[int, int]:
    """The run of ones of a row's mask, wherever the padding is."""
    if mask is None:
        return 0, length
    strange = mask[row][(mask[row] != 0) & (mask[row] != 1)]
    if len(strange):
        raise ValueError(
            f"attention_mask: {strange[0]} in row {row} (expected: 0 or 1; documents packed into a row are told apart by position_ids)"
        )
    (ones,) = np.nonzero(mask[row])
    if not len(ones):
        return 0, 0
    start, end = int(ones[0]), int(ones[-1]) + 1
    if end - start != len(ones):
        raise ValueError(f"attention_mask: row {row} has gaps (expected: one run of ones)")
    return start, end


def _require_numbers(row: int, mask: NDArray, documents: list[tuple[int, int]]) -> None:
    """Refuses a mask that changes within a document."""
    for first, last in documents:
        if len(np.unique(mask[row, first:last])) > 1:
            raise ValueError(f"attention_mask: row {row} numbers several documents where position_ids have one, at {first} (expected: one)")


def _unmasked(documents: Iterable[tuple[int, int]], row: int, mask: NDArray | None) -> list[tuple[int, int]]:
    """The documents that are not padding."""
    if mask is None:
        return list(documents)
    found = []
    for first, last in documents:
        kept = int(np.count_nonzero(mask[row, first:last]))
        if kept not in (0, last - first):
            raise ValueError(
                f"attention_mask: {kept} of the {last - first} tokens of a document of cu_seqlens at {first} (expected: all, or 0)"
            )
        if kept:
            found.append((first, last))
    return found


def _documents(row: int, start: int, end: int, positions: NDArray | None) -> list[tuple[int, int]]:
    """Where the documents of a row begin and end."""
    if positions is None:
        return [(start, end)]
    own = positions[row, start:end]
    breaks = (np.flatnonzero(np.diff(own) != 1) + 1).tolist()
    cuts = [0, *breaks, len(own)]
    return [(start + a, start + b) for a, b in pairwise(cuts) if b > a]


class BatchRows:
    """The columns of a batch in the making."""

    def __init__(self, plan: BatchPlan, selection: Selection, vocabulary_size: int, temperature: float):
        self.plan = plan
        self._selection, self._temperature = selection, temperature
        self._stride = max(1, selection.most_entries(vocabulary_size))
        self._drawn = isinstance(selection, Draws)
        self._arrived: list[tuple[Segment, Targets]] = []

    def add(self, segment: Segment, targets: Targets) -> None:
        """Puts a sequence's rows where they belong."""
        self._arrived.append((segment, targets))

    @property
    def positions(self) -> int:
        """Rows that arrived."""
        return sum(targets.rows for _, targets in self._arrived)

    def columns(self) -> dict[str, Tensor]:
        """The columns, with nothing where a row was not wanted or did not arrive."""
        if self._drawn:
            # Rows of draws are as wide as the widest, not as wide as there are draws.
            self._stride = max((int(np.diff(t.offsets).max()) for _, t in self._arrived), default=1) or 1
        batch, length = self.plan.shape
        wide = (batch, length, self._stride)
        raw = any(len(targets.logits) for _, targets in self._arrived)
        columns: dict[str, NDArray] = {
            "target_token_ids": np.zeros(wide, dtype=np.int64),
            "target_logprobs": np.full(wide, -np.inf, dtype=np.float32),
            "target_mask": np.zeros(wide, dtype=bool),
            "log_tail": np.full((batch, length), -np.inf, dtype=np.float32),
            "label_logprob": np.full((batch, length), -np.inf, dtype=np.float32),
            "target_labels": self.plan.labels.copy(),
        }
        if self._drawn:
            columns["target_weights"] = np.zeros(wide, dtype=np.float32)
        if raw:
            columns["target_logits"] = np.zeros(wide, dtype=np.float32)
        for segment, targets in self._arrived:
            self._fill(columns, segment, targets)
        return {name: torch.from_numpy(values) for name, values in columns.items()}

    def _fill(self, columns: dict[str, NDArray], segment: Segment, targets: Targets) -> None:
        counts = np.diff(targets.offsets)
        of_entry = np.repeat(np.arange(targets.rows), counts)
        place = np.arange(len(targets.ids)) - targets.offsets[:-1][of_entry]
        at = segment.start + targets.positions
        entries = (segment.row, at[of_entry], place)
        logprobs, tails = self._tempered(targets)
        columns["target_token_ids"][entries] = targets.ids
        columns["target_logprobs"][entries] = logprobs
        columns["target_mask"][entries] = True
        columns["log_tail"][segment.row, at] = tails
        columns["label_logprob"][segment.row, at] = targets.label_logprob
        if self._drawn:
            columns["target_weights"][entries] = self._shares(targets, of_entry)
        if len(targets.logits):
            columns["target_logits"][entries] = targets.logits / np.float32(self._temperature)

    def _tempered(self, targets: Targets) -> tuple[NDArray, NDArray]:
        """Log-probabilities and log tail masses at the teacher's temperature."""
        if self._temperature == 1:
            return targets.logprobs, targets.log_tail
        at = self._selection.temperatures.index(self._temperature)
        logprobs, tails, _ = targets.tempered(at, self._temperature)
        return logprobs.astype(np.float32), tails.astype(np.float32)

    @staticmethod
    def _shares(targets: Targets, of_entry: NDArray) -> NDArray[np.float32]:
        """What each entry of a draw row stands for: itself in the exact head, a share of what the draws were made from beyond it."""
        drawn = targets.draw_counts > 0
        mass = np.exp(targets.logprobs.astype(np.float64))

        def by_row(values: NDArray) -> NDArray:
            return np.bincount(of_entry, weights=values, minlength=targets.rows)

        outside = np.exp(targets.log_tail.astype(np.float64)) + by_row(np.where(drawn, mass, 0))
        has_head = by_row((~drawn).astype(np.float64)) > 0
        per_draw = np.where(has_head, outside, 1) / np.maximum(by_row(targets.draw_counts.astype(np.float64)), 1)
        return np.where(drawn, targets.draw_counts * per_draw[of_entry], mass).astype(np.float32)


def sparse_targets(batch: Mapping[str, Any]) -> SparseTargets:
    """The columns of a batch as the losses take them."""
    said = batch.get("teacher_vocabulary_size")
    return SparseTargets(
        batch["target_token_ids"],
        batch["target_logprobs"],
        batch["target_mask"],
        batch["log_tail"],
        batch.get("label_logprob"),
        batch.get("target_weights"),
        batch.get("target_logits"),
        batch.get("taid_lambda"),
        batch.get("own_text"),
        batch.get("policy_proposal_logprob"),
        batch.get("policy_old_logprob"),
        batch.get("policy_advantage"),
        float(batch.get("teacher_tail_error") or 0.0),
        0 if said is None else int(said.reshape(-1)[0]),
    )
