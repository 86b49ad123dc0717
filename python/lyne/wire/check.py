"""The alignment check of a block's rows: one that was shifted, swapped or altered contradicts the label it comes with, what was asked,
or itself (docs/wire-format.md, "What a student checks").

In numpy, a column at a time. The native decoder has the same checks, a row at a time, and the tests hold both to each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lyne.wire.selection import Chosen, Draws, Precision

if TYPE_CHECKING:
    from lyne.wire.block import Block

__all__ = ["Misalignment", "require_consistent"]

#: Rounding allowed between masses that the teacher summed in float32 and their sums in float64 here.
MASS = 1e-4


@dataclass(frozen=True)
class _Tolerance:
    """How far the numbers of a sound row may stand apart in a precision: a part of each, nats of an entry, nats of a tail."""

    part: float
    entry: float
    tail: float
    #: Absolute error of a row's tail mass, as the teacher states it.
    tail_error: float = 0.0


_TOLERANCES = {
    Precision.EXACT: _Tolerance(0, 0, 0),
    Precision.HALF: _Tolerance(2.0**-11, 0, 0),
    Precision.COMPACT: _Tolerance(0, 0.1, 0.05),
}


class Misalignment(Exception):
    """A row that does not answer its position: the row's number, what was found and what was expected."""

    def __init__(self, row: int, found: str, expected: str):
        super().__init__(f"row {row}: {found} (expected: {expected})")
        self.row, self.found, self.expected = int(row), found, expected


class _Rows:
    """A block's columns, with the row of each entry."""

    def __init__(self, block: Block):
        self.block = block
        self.counts = np.diff(block.offsets)
        self.of_entry = np.repeat(np.arange(block.rows), self.counts)
        self.lp = block.logprobs.astype(np.float64)
        self.tail = block.log_tail.astype(np.float64)

    def sum(self, values: NDArray[np.float64]) -> NDArray:
        """Of each row the sum over its entries."""
        return np.bincount(self.of_entry, weights=values, minlength=self.block.rows)

    def refuse_entry(self, bad: NDArray[np.bool_], found: str, expected: str) -> None:
        """Refuses the first bad entry; `{id}` and `{lp}` stand for its numbers."""
        if bad.any():
            at = int(bad.argmax())
            numbers = {"id": self.block.ids[at], "lp": self.block.logprobs[at]}
            raise Misalignment(self.of_entry[at], found.format(**numbers), expected.format(**numbers))

    @staticmethod
    def refuse(bad: NDArray[np.bool_], found: NDArray, what: str, expected: str) -> None:
        """Refuses the first bad row, with its number of a column."""
        if bad.any():
            at = int(bad.argmax())
            raise Misalignment(at, what.format(found[at]), expected)


def require_consistent(
    block: Block,
    tokens: NDArray[np.integer],
    chosen: Sequence[NDArray[np.integer]] | None = None,
    tail_error: float = 0.0,
) -> None:
    """Refuses rows that are no part of a distribution, do not keep what their selection says, or contradict their label.

    Args:
        block: rows of the positions in their header, which has been compared with what was asked.
        tokens: the whole sequence.
        chosen: the ids that each row was asked for, where the student chose them.
        tail_error: absolute error of a row's tail mass, as the teacher states it.

    Raises:
        Misalignment: for the first such row of the first check that finds one.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # a number that is none is refused
        _require(_Rows(block), tokens, chosen, replace(_TOLERANCES[block.header.precision], tail_error=tail_error))


def _require(rows: _Rows, tokens: NDArray[np.integer], chosen: Sequence[NDArray[np.integer]] | None, tolerance: _Tolerance) -> None:
    _require_descending(rows)
    _require_distinct(rows)
    _require_kept(rows, chosen)
    _require_mass(rows, tolerance)
    _require_labels(rows, tokens, tolerance)
    _require_tempered(rows, tolerance)
    if rows.block.header.raw_logits:
        _require_logits(rows, tolerance)


def _require_descending(rows: _Rows) -> None:
    lp = rows.block.logprobs
    above = np.empty_like(lp)
    above[1:] = lp[:-1]
    above[rows.block.offsets[:-1][rows.counts > 0]] = np.float32(MASS)
    rows.refuse_entry(~(lp <= above) | np.isinf(lp), "log-probability {lp} of token {id}", "finite, at most 0 and the one before it")


def _require_distinct(rows: _Rows) -> None:
    key = rows.of_entry * rows.block.header.vocabulary_size + rows.block.ids
    order = key.argsort(kind="stable")
    twice = np.zeros(len(key), dtype=bool)
    twice[order[1:]] = key[order[1:]] == key[order[:-1]]
    rows.refuse_entry(twice, "token {id} twice", "distinct tokens")


def _require_kept(rows: _Rows, chosen: Sequence[NDArray[np.integer]] | None) -> None:
    selection = rows.block.header.selection
    most = selection.most_entries(rows.block.header.vocabulary_size)
    if isinstance(selection, Chosen):
        _require_chosen(rows, chosen)
    elif isinstance(selection, Draws):
        _require_drawn(rows, selection)
    elif selection.keeps_always:
        rows.refuse(rows.counts != most, rows.counts, "{} entries", str(most))
    else:
        rows.refuse((rows.counts < 1) | (rows.counts > most), rows.counts, "{} entries", f"1..{most}")


def _require_chosen(rows: _Rows, chosen: Sequence[NDArray[np.integer]] | None) -> None:
    if chosen is None or len(chosen) != rows.block.rows:
        raise Misalignment(0, "rows of chosen ids", "the ids that each row was asked for")
    for row, wanted in enumerate(chosen):
        kept = rows.block.ids[rows.block.offsets[row] : rows.block.offsets[row + 1]]
        missing = np.setdiff1d(wanted, kept)
        if len(missing):
            raise Misalignment(row, f"token {missing[0]} not kept", "every token that was chosen")
        if len(kept) != len(wanted):
            raise Misalignment(row, f"{len(kept)} entries", f"{len(wanted)}, as many as were chosen")


def _require_drawn(rows: _Rows, rule: Draws) -> None:
    counts = rows.block.draw_counts.astype(np.float64)
    head = rows.sum((counts == 0).astype(np.float64)).astype(np.int64)
    draws = rows.sum(counts).astype(np.int64)
    rows.refuse(head != rule.head, head, "{} entries that were not drawn", f"{rule.head}, the exact head")
    nothing = (draws == 0) & (rows.tail == -math.inf) & (rule.head > 0)
    rows.refuse((draws != rule.draws) & ~nothing, draws, "{} draws", str(rule.draws))


def _require_mass(rows: _Rows, tolerance: _Tolerance) -> None:
    tail = np.exp(rows.tail)
    mass = np.exp(rows.lp)
    kept = rows.sum(mass)
    nats = np.where(tail > 0, -tail * np.where(tail > 0, rows.tail, 0), 0) - rows.sum(mass * rows.lp)
    off = np.abs(kept + tail - 1)
    allowed = MASS + tolerance.part * nats + tolerance.tail_error
    rows.refuse(
        ~(off <= allowed), kept + tail, "kept and tail mass {} in all", f"1, within {MASS + tolerance.tail_error} and the precision"
    )


def _require_labels(rows: _Rows, tokens: NDArray[np.integer], tolerance: _Tolerance) -> None:
    block = rows.block
    label = block.label_logprob
    positions = block.header.positions.astype(np.int64)
    has_label = positions + 1 < len(tokens)
    rows.refuse(has_label != np.isfinite(label), label, "label's log-probability {}", "finite, and none past the last token")
    token = np.where(has_label, tokens[np.minimum(positions + 1, len(tokens) - 1)], -1)
    is_label = block.ids == token[rows.of_entry]
    differs = is_label & (block.logprobs.view(np.int32) != label.view(np.int32)[rows.of_entry])
    rows.refuse_entry(differs, "entry {lp} of token {id}, the label", "the label's log-probability, bit for bit")
    left_out = has_label & (rows.sum(is_label.astype(np.float64)) == 0)
    rows.refuse(
        left_out & (label > _smallest_of_the_prefix(rows)),
        label,
        "log-probability {} of a label that is not kept",
        "at most the smallest kept",
    )
    label64 = np.where(left_out, label, -1).astype(np.float64)
    some = np.isfinite(rows.tail)
    tail = np.where(some, rows.tail, 0)
    nats = MASS + tolerance.entry + tolerance.tail + tolerance.part * (np.abs(label64) + np.abs(tail))
    # Nothing is part of a tail of nothing, but for what half precision rounds to one.
    beyond = np.where(some, np.exp(label64 - nats) > np.exp(tail) + 0.01 * MASS + tolerance.tail_error, tolerance.part == 0)
    rows.refuse(left_out & beyond, label, "log-probability {} of a label that is not kept", "at most the log tail mass")


def _smallest_of_the_prefix(rows: _Rows) -> NDArray[np.float32]:
    """What a label left out cannot exceed: the least probable of the most probable ones that a row keeps."""
    block = rows.block
    smallest = np.full(block.rows, np.inf, dtype=np.float32)
    if isinstance(block.header.selection, Draws):
        exact = block.draw_counts == 0
        np.minimum.at(smallest, rows.of_entry[exact], block.logprobs[exact])
    elif not isinstance(block.header.selection, Chosen) and len(block.logprobs):
        some = rows.counts > 0
        smallest[some] = block.logprobs[block.offsets[1:][some] - 1]
    return smallest


def _require_tempered(rows: _Rows, tolerance: _Tolerance) -> None:
    """exp(lp/τ + c_τ) over the kept tokens and the tail at τ are a whole distribution."""
    block = rows.block
    top = (rows.counts > 0) & block.header.selection.keeps_most_probable
    for at, temperature in enumerate(block.header.selection.temperatures):
        offset = block.tau_offsets[:, at].astype(np.float64)
        log_tail = block.tau_log_tail[:, at].astype(np.float64)
        tail = np.exp(log_tail)
        share = np.exp(rows.lp / temperature + offset[rows.of_entry])
        mass = rows.sum(share)
        nats = np.where(tail > 0, -tail * np.where(tail > 0, log_tail, 0) * temperature, 0) - rows.sum(share * rows.lp)
        allowed = MASS * max(1, 1 / temperature) + math.expm1(tolerance.entry) * (mass + tail) + tolerance.part * nats / temperature
        # The most probable token keeps some mass however cold the temperature.
        bad = ~(np.abs(mass + tail - 1) <= allowed) | (top & ~(mass > 0))
        what = f"a c_τ at temperature {temperature} that gives the kept tokens and the tail mass {{}}"
        rows.refuse(bad, mass + tail, what, "1, within the precision, and some of it kept")


def _require_logits(rows: _Rows, tolerance: _Tolerance) -> None:
    """A logit less the log-sum-exp is the log-probability."""
    logits = rows.block.logits.astype(np.float64)
    sums = rows.block.log_sum_exp.astype(np.float64)[rows.of_entry]
    allowed = MASS + 2.0**-20 * (np.abs(logits) + np.abs(sums)) + tolerance.part * (np.abs(logits) + np.abs(rows.lp))
    rows.refuse_entry(
        ~(np.abs(logits - sums - rows.lp) <= allowed), "a logit of token {id}", "the log-sum-exp and {lp}, its log-probability"
    )
