"""Frames of random blocks that `./lyne bench blocks` writes, to hold the decoders of this package to Java's."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from lyne.wire.block import Block, decode, decode_checked

__all__ = ["Frame", "columns_sha256", "differences", "frames"]

_LENGTH = struct.Struct("<I")
_DIGEST_BYTES = 32


@dataclass(frozen=True)
class Frame:
    """A block, the tokens that it answers, the ids that a student chose for each row, if it did, and what Java decoded."""

    block: bytes
    tokens: NDArray[np.int32]
    chosen: list[NDArray[np.int32]] | None
    columns_sha256: bytes


def frames(stream: BinaryIO) -> Iterator[Frame]:
    """The frames of a stream, to its end.

    Raises:
        ValueError: where it ends within a frame.
    """
    while head := stream.read(_LENGTH.size):
        if len(head) < _LENGTH.size:
            raise ValueError(f"frame: {len(head)} bytes of its length (expected: {_LENGTH.size})")
        block = _bytes(stream, _LENGTH.unpack(head)[0])
        tokens = _integers(stream, _length(stream))
        chosen = [_integers(stream, _length(stream)) for _ in range(_length(stream))]
        yield Frame(block, tokens, chosen or None, _bytes(stream, _DIGEST_BYTES))


def _bytes(stream: BinaryIO, count: int) -> bytes:
    found = stream.read(count)
    if len(found) < count:
        raise ValueError(f"frame: {len(found)} bytes (expected: {count})")
    return found


def _length(stream: BinaryIO) -> int:
    return _LENGTH.unpack(_bytes(stream, _LENGTH.size))[0]


def _integers(stream: BinaryIO, count: int) -> NDArray[np.int32]:
    return np.frombuffer(_bytes(stream, 4 * count), dtype="<i4").astype(np.int32)


def columns_sha256(block: Block) -> bytes:
    """Digest of the columns, in the order of the class, each number little-endian."""
    digest = hashlib.sha256()
    for name in (
        "offsets",
        "ids",
        "logprobs",
        "log_tail",
        "label_logprob",
        "tau_offsets",
        "tau_log_tail",
        "draw_counts",
        "logits",
        "log_sum_exp",
    ):
        column = getattr(block, name)
        digest.update(column.astype(column.dtype.newbyteorder("<"), copy=False).tobytes())
    return digest.digest()


def differences(frame: Frame, native: bool) -> str | None:
    """What a decoder makes of a frame that Java's does not, in words; None where they agree, and the rows answer their tokens."""
    decoded = decode(frame.block, native)
    if columns_sha256(decoded) != frame.columns_sha256:
        header = decoded.header
        return f"{header.selection} in {header.precision.name.lower()} precision, {header.rows} rows: other columns than Java's"
    decode_checked(frame.block, frame.tokens, frame.chosen, native)
    return None
