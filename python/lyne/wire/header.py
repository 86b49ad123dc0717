"""The header of a target block (docs/wire-format.md)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lyne.errors import MalformedBlockError
from lyne.wire.digests import crc32c
from lyne.wire.selection import MAX_VOCABULARY_SIZE, HeaderNumbers, Precision, Selection, selection_from_header

__all__ = ["BlockHeader", "checked", "read_header"]

MAGIC = b"LYNB"
#: The one version of blocks that is read and expected, here and in the native decoder.
VERSION = 2
FIXED_BYTES = 104
CHECKSUM_BYTES = 4
MAX_BLOCK_BYTES = 1 << 27
MAX_ROWS = 1 << 16
MAX_TEMPERATURES = 64

_FIXED = struct.Struct("<4sBBBBII8s4s32s16s16sIII")


@dataclass(frozen=True)
class BlockHeader:
    """What a block says of itself.

    Attributes:
        vocabulary_size: ids that the rows' distributions cover.
        selection: which entries are kept.
        precision: how log-probabilities are coded.
        raw_logits: whether rows carry the kept entries' logits and the log-sum-exp, too.
        teacher_digest: SHA-256 of the teacher.
        fingerprint_digest: of the machine that computed the rows.
        rows_digest: of the tokens and positions that the rows answer.
        positions: position of each row, ascending, `[rows]`.
        label_rows: rows that have a label: all, or all but the last.
        size: bytes of the header.
    """

    vocabulary_size: int
    selection: Selection
    precision: Precision
    raw_logits: bool
    teacher_digest: bytes
    fingerprint_digest: bytes
    rows_digest: bytes
    positions: NDArray[np.int32]
    label_rows: int
    size: int

    @property
    def rows(self) -> int:
        return len(self.positions)


def checked(block: bytes) -> memoryview:
    """The bytes without their checksum, once size, magic, version and checksum are found right."""
    view = memoryview(block)
    least = FIXED_BYTES + CHECKSUM_BYTES
    if not least <= len(view) <= MAX_BLOCK_BYTES:
        raise MalformedBlockError(f"{len(view)} bytes (expected: {least}..{MAX_BLOCK_BYTES})")
    if view[:4] != MAGIC:
        raise MalformedBlockError(f"starts with {view[:4].hex()} (expected: {MAGIC.hex()})")
    if view[4] != VERSION:
        raise MalformedBlockError(f"version {view[4]} (expected: {VERSION}; is one end older?)")
    payload = view[:-CHECKSUM_BYTES]
    stated = int.from_bytes(view[-CHECKSUM_BYTES:], "little")
    found = crc32c(payload)
    if found != stated:
        raise MalformedBlockError(f"CRC32C {found:08x} of the bytes (expected: {stated:08x} as stated)")
    return payload


def _bounded(name: str, value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise MalformedBlockError(f"{value} {name} (expected: {least}..{most})")
    return value


def read_header(payload: memoryview) -> BlockHeader:
    """Reads the header of a block whose checksum has been checked."""
    (_, _, precision, kind, flags, vocabulary, k, first, second, teacher, fingerprint, digest, taus, rows, ranges) = _FIXED.unpack_from(
        payload
    )
    if flags & ~3:
        raise MalformedBlockError(f"flags {flags} (expected: 0..3)")
    if precision not in (1, 2, 3):
        raise MalformedBlockError(f"precision {precision} (expected: 1..3)")
    _bounded("temperatures", taus, 0, MAX_TEMPERATURES)
    _bounded("rows", rows, 1, MAX_ROWS)
    _bounded("position ranges", ranges, 1, rows)
    size = FIXED_BYTES + 4 * taus + 8 * ranges
    if len(payload) < size:
        raise MalformedBlockError(f"{len(payload)} bytes (expected: at least {size}, the header's)")
    temperatures = struct.unpack_from(f"<{taus}f", payload, FIXED_BYTES)
    positions = _positions(payload[FIXED_BYTES + 4 * taus : size], rows)
    numbers = HeaderNumbers(kind, k, first, second)
    try:
        if not 1 <= vocabulary <= MAX_VOCABULARY_SIZE:
            raise ValueError(f"vocabulary_size: {vocabulary} (expected: 1..{MAX_VOCABULARY_SIZE})")
        selection = selection_from_header(numbers, temperatures)
        if selection.header_numbers(vocabulary) != numbers:
            raise ValueError(f"selection {numbers} (expected: {selection.header_numbers(vocabulary)})")
        selection.require_fits(vocabulary)
        if flags & 2 and precision == Precision.COMPACT:
            raise ValueError("raw logits in compact precision (expected: exact or half)")
    except ValueError as e:
        raise MalformedBlockError(str(e)) from None
    return BlockHeader(
        vocabulary,
        selection,
        Precision(precision),
        bool(flags & 2),
        teacher,
        fingerprint,
        digest,
        positions,
        rows - (flags & 1),
        size,
    )


def _positions(ranges: memoryview, rows: int) -> NDArray[np.int32]:
    pairs = np.frombuffer(ranges, dtype="<u4").astype(np.int64).reshape(-1, 2)
    first, count = pairs[:, 0], pairs[:, 1]
    ends = first + count
    if (count < 1).any() or count.sum() != rows or (first[1:] < ends[:-1]).any() or ends[-1] > np.iinfo(np.int32).max:
        raise MalformedBlockError(f"positions {pairs.tolist()} (expected: ascending, disjoint, {rows} in all)")
    starts = np.repeat(first - np.concatenate([[0], count.cumsum()[:-1]]), count)
    return (starts + np.arange(rows)).astype(np.int32)
