"""A sequence to get a teacher's rows for, and its rows once they are here and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lyne.errors import MalformedBlockError, MisalignedTargetsError
from lyne.v1 import teacher_service_pb2
from lyne.wire.block import Block, decode_checked
from lyne.wire.check import Misalignment
from lyne.wire.digests import rows_digest
from lyne.wire.header import BlockHeader, checked, read_header
from lyne.wire.selection import Chosen, Precision, Selection

__all__ = ["BlockIdentity", "RowAssembly", "TargetSequence", "Targets", "checked_block", "ranges_of", "source_word"]

_SOURCE_WORDS = {
    teacher_service_pb2.SOURCE_COMPUTED: "computed",
    teacher_service_pb2.SOURCE_COALESCED: "coalesced",
    teacher_service_pb2.SOURCE_REPLAYED: "replay",
}


def source_word(source: teacher_service_pb2.Source, tier: str) -> str:
    """Where rows came from, as statistics have it: computed, coalesced, replay, or the name of the cache tier.

    ValueError for a source that is not stated or not known, or a tier that does not go with it.
    """
    if source == teacher_service_pb2.SOURCE_CACHED:
        if not tier:
            raise ValueError("tier: '' (expected: the name of a cache tier)")
        return tier
    if source not in _SOURCE_WORDS:
        raise ValueError(f"source: {source} (expected: computed, coalesced, cached or replayed)")
    if tier:
        raise ValueError(f"tier: '{tier}' (expected: none for {_SOURCE_WORDS[source]} rows)")
    return _SOURCE_WORDS[source]


@dataclass(frozen=True)
class TargetSequence:
    """A sequence to get targets for.

    Attributes:
        id: the caller's own name for it, as its index in the corpus; shown in errors, need not be unique.
        tokens: x_0 to x_{n−1}.
        positions: wanted positions, ascending; by default every one that has a label, 0 to n − 2.
        chosen: ids wanted at each position, where the stream's selection is `Chosen`; else None.
    """

    id: int
    tokens: NDArray[np.int32]
    positions: NDArray[np.int32] = None  # type: ignore[assignment]
    chosen: Sequence[NDArray[np.int32]] | None = None

    def __post_init__(self) -> None:
        tokens = _integers(self.tokens)
        object.__setattr__(self, "tokens", tokens)
        if len(tokens) == 0:
            raise ValueError(f"sequence {self.id}: 0 tokens (expected: at least 1)")
        positions = np.arange(len(tokens) - 1, dtype=np.int32) if self.positions is None else _integers(self.positions)
        object.__setattr__(self, "positions", positions)
        if len(positions) == 0:
            raise ValueError(f"sequence {self.id}: 0 positions (expected: at least 1)")
        if (np.diff(positions) < 1).any() or positions[0] < 0 or positions[-1] >= len(tokens):
            raise ValueError(f"sequence {self.id}: positions {_short(positions)} (expected: ascending, 0..{len(tokens) - 1})")
        if self.chosen is not None:
            chosen = [_integers(ids) for ids in self.chosen]
            if len(chosen) != len(positions) or any(len(np.unique(ids)) != len(ids) for ids in chosen):
                raise ValueError(
                    f"sequence {self.id}: tokens chosen at {len(chosen)} positions (expected: distinct ones at each of {len(positions)})"
                )
            object.__setattr__(self, "chosen", chosen)

    def require_fits(self, vocabulary_size: int, context_length: int, selection: Selection) -> None:
        """Refuses tokens, positions or choices that a teacher of this size cannot answer under this selection."""
        if len(self.tokens) > context_length:
            raise ValueError(f"sequence {self.id}: {len(self.tokens)} tokens (expected: 1..context_length={context_length})")
        self._require_ids(self.tokens, vocabulary_size, "")
        if (self.chosen is not None) != isinstance(selection, Chosen):
            expected = "chosen tokens" if isinstance(selection, Chosen) else f"none, as the stream's selection is {selection}"
            raise ValueError(f"sequence {self.id}: chosen (expected: {expected})")
        for ids in self.chosen or ():
            self._require_ids(ids, vocabulary_size, "chosen ")
            most = selection.most_entries(vocabulary_size)
            if len(ids) > most:
                raise ValueError(f"sequence {self.id}: {len(ids)} tokens chosen (expected: at most k={most})")

    def _require_ids(self, ids: NDArray[np.int32], vocabulary_size: int, what: str) -> None:
        bad = (ids < 0) | (ids >= vocabulary_size)
        if bad.any():
            raise ValueError(f"sequence {self.id}: {what}token {ids[int(bad.argmax())]} (expected: 0..{vocabulary_size - 1})")


def _integers(values: ArrayLike) -> NDArray[np.int32]:
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise ValueError(f"token ids or positions of shape {list(array.shape)} and {array.dtype} (expected: one row of integers)")
    if array.size and (array.max() > np.iinfo(np.int32).max or array.min() < np.iinfo(np.int32).min):
        raise ValueError(f"token ids or positions up to {array.max()} (expected: 32 bits)")
    return np.ascontiguousarray(array, dtype=np.int32)


def _short(values: NDArray) -> str:
    return str(values.tolist()) if len(values) <= 8 else f"{values[:4].tolist()}…{values[-4:].tolist()}"


def ranges_of(positions: NDArray[np.int32]) -> list[tuple[int, int]]:
    """First and count of each run of consecutive positions."""
    breaks = np.flatnonzero(np.diff(positions) != 1) + 1
    starts = np.concatenate([[0], breaks])
    ends = np.concatenate([breaks, [len(positions)]])
    return [(int(positions[start]), int(end - start)) for start, end in zip(starts, ends, strict=True)]


@dataclass(frozen=True)
class BlockIdentity:
    """What every block of a stream has in common, and each is held to before it is decoded.

    Attributes:
        fingerprint_digest: of the server's machine; empty where bits are not promised.
        tail_error: absolute error of a row's tail mass, as the teacher states it.
    """

    selection: Selection
    precision: Precision
    raw_logits: bool
    vocabulary_size: int
    teacher_digest: bytes
    fingerprint_digest: bytes = b""
    tail_error: float = 0.0


@dataclass(frozen=True)
class Targets:
    """A sequence's rows, one for each of its wanted positions, checked; at temperature 1, in nats.

    Row r has entries offsets[r] to offsets[r + 1] of `ids` and `logprobs`, in descending order of probability. Columns are those of
    `lyne.wire.Block`.
    """

    sequence: TargetSequence
    offsets: NDArray[np.int32]
    ids: NDArray[np.int32]
    logprobs: NDArray[np.float32]
    log_tail: NDArray[np.float32]
    label_logprob: NDArray[np.float32]
    tau_offsets: NDArray[np.float32]
    tau_log_tail: NDArray[np.float32]
    draw_counts: NDArray[np.int32]
    logits: NDArray[np.float32]
    log_sum_exp: NDArray[np.float32]
    blocks: Sequence[bytes] = field(repr=False, default=())
    sources: Mapping[str, int] = field(default_factory=dict)
    narrowed: int = 0

    @staticmethod
    def of(
        sequence: TargetSequence,
        parts: Sequence[tuple[Block, NDArray[np.intp] | slice]],
        blocks: Sequence[bytes],
        sources: Mapping[str, int],
        narrowed: int,
    ) -> Targets:
        """Rows of some blocks, one after the other."""
        columns: dict[str, list[NDArray]] = {name: [] for name in (*_ROW_COLUMNS, *_ENTRY_COLUMNS)}
        counts: list[NDArray] = [np.zeros(1, np.int64)]
        for block, rows in parts:
            kept = np.zeros(block.rows, dtype=bool)
            kept[rows] = True
            lengths = np.diff(block.offsets)
            entries = np.repeat(kept, lengths)
            counts.append(lengths[kept])
            for name in _ROW_COLUMNS:
                column = getattr(block, name)
                columns[name].append(column[kept] if len(column) else column)
            for name in _ENTRY_COLUMNS:
                column = getattr(block, name)
                columns[name].append(column[entries] if len(column) else column)
        joined = {name: np.concatenate(values) for name, values in columns.items()}
        offsets = np.concatenate(counts).cumsum().astype(np.int32)
        return Targets(sequence, offsets, **joined, blocks=tuple(blocks), sources=dict(sources), narrowed=narrowed)

    def with_temperatures(self, at: Sequence[int]) -> Targets:
        """The same with some of the temperatures."""
        return replace(self, tau_offsets=self.tau_offsets[:, list(at)], tau_log_tail=self.tau_log_tail[:, list(at)])

    def tempered(self, at: int, temperature: float) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Log-probabilities and log tail masses at a temperature, divided by their sum, which coding leaves a little off one; and of each
        row what makes a log-probability at 1, over the temperature, one at it.

        Args:
            at: the temperature's place in the selection.
        """
        offsets, tails = self.tau_offsets[:, at].astype(np.float64), self.tau_log_tail[:, at].astype(np.float64)
        of_entry = np.repeat(np.arange(self.rows), np.diff(self.offsets))
        logprobs = self.logprobs.astype(np.float64) / temperature + offsets[of_entry]
        log_mass = np.log(np.bincount(of_entry, weights=np.exp(logprobs), minlength=self.rows) + np.exp(tails))
        return logprobs - log_mass[of_entry], tails - log_mass, offsets - log_mass

    @property
    def positions(self) -> NDArray[np.int32]:
        return self.sequence.positions

    @property
    def rows(self) -> int:
        return len(self.log_tail)


_ROW_COLUMNS = ("log_tail", "label_logprob", "tau_offsets", "tau_log_tail", "log_sum_exp")
_ENTRY_COLUMNS = ("ids", "logprobs", "draw_counts", "logits")


def checked_block(block: bytes, sequence: TargetSequence, rows: slice | None, identity: BlockIdentity) -> Block:
    """A block that was found to answer a sequence: its header before it is decoded, and each row after.

    Args:
        rows: which of the sequence's positions it may answer, beginning with the first of them; None: any positions.

    Raises:
        MisalignedTargetsError: naming the position, what is there and what should be.
    """
    wanted = sequence.positions[rows] if rows is not None else None
    first = int(wanted[0]) if wanted is not None else int(sequence.positions[0])

    def misaligned(position: int, found: str, expected: str) -> MisalignedTargetsError:
        return MisalignedTargetsError(sequence.id, position, found, expected)

    try:
        header = read_header(checked(block))
        if wanted is not None and not np.array_equal(header.positions, wanted[: header.rows]):
            found = f"a block of {header.rows} positions from {header.positions[0]}"
            raise misaligned(first, found, f"the next of the {len(sequence.positions)} positions asked for, from {first}")
        for what, found, expected in _identities(header, sequence, identity):
            if found != expected:
                raise misaligned(int(header.positions[0]), f"{what} {found}", expected)
        chosen = None if sequence.chosen is None else sequence.chosen[rows or slice(None)][: header.rows]
        return decode_checked(block, sequence.tokens, chosen, tail_error=identity.tail_error)
    except MalformedBlockError as e:
        raise misaligned(first, str(e), "a whole block") from None
    except Misalignment as e:
        raise misaligned(int(header.positions[e.row]), e.found, e.expected) from None


def _identities(header: BlockHeader, sequence: TargetSequence, identity: BlockIdentity) -> list[tuple[str, str, str]]:
    """What a header says and what it should."""
    pairs = [
        ("teacher digest", header.teacher_digest.hex(), identity.teacher_digest.hex()),
        ("vocabulary size", str(header.vocabulary_size), str(identity.vocabulary_size)),
        ("selection", str(header.selection), str(identity.selection)),
        ("precision", header.precision.name.lower(), identity.precision.name.lower()),
        ("raw logits", str(header.raw_logits), str(identity.raw_logits)),
        ("rows digest", header.rows_digest.hex(), rows_digest(sequence.tokens, header.positions).hex()),
    ]
    if identity.fingerprint_digest:
        pairs.append(("fingerprint digest", header.fingerprint_digest.hex(), identity.fingerprint_digest.hex()))
    return pairs


class RowAssembly:
    """Puts the blocks of one answer together, in order of position."""

    def __init__(self, sequence: TargetSequence, identity: BlockIdentity):
        self._sequence, self._identity = sequence, identity
        self._decoded: list[Block] = []
        self._blocks: list[bytes] = []
        self._sources: dict[str, int] = {}
        self._narrowed = 0
        self._rows = 0

    @property
    def block_bytes(self) -> int:
        """Bytes of the blocks added."""
        return sum(map(len, self._blocks))

    def add(self, block: bytes, first_position: int, source: str, narrowed: bool) -> None:
        """Adds the next block; MisalignedTargetsError where it is not the answer to the next positions asked for."""
        wanted = self._sequence.positions
        if self._rows == len(wanted):
            raise self._misaligned(first_position, "one block more", f"the sequence to be done after {self._rows} rows")
        following = int(wanted[self._rows])
        if first_position != following:
            raise self._misaligned(first_position, "a block that starts there", f"the block of position {following}")
        decoded = checked_block(block, self._sequence, slice(self._rows, None), self._identity)
        self._decoded.append(decoded)
        self._blocks.append(block)
        self._sources[source] = self._sources.get(source, 0) + decoded.rows
        self._narrowed += decoded.rows if narrowed else 0
        self._rows += decoded.rows

    def finish(self, stated_rows: int) -> Targets:
        """The targets, once whoever sent the blocks says that these are all."""
        wanted = self._sequence.positions
        if not self._rows == stated_rows == len(wanted):
            at = int(wanted[min(self._rows, len(wanted) - 1)])
            raise self._misaligned(at, f"done after {self._rows} rows, {stated_rows} stated", f"{len(wanted)} rows")
        parts: list[tuple[Block, NDArray[np.intp] | slice]] = [(block, slice(None)) for block in self._decoded]
        return Targets.of(self._sequence, parts, self._blocks, self._sources, self._narrowed)

    def _misaligned(self, position: int, found: str, expected: str) -> MisalignedTargetsError:
        return MisalignedTargetsError(self._sequence.id, position, found, expected)
