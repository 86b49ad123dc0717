"""Rows of a made-up teacher, and blocks of them: enough of an encoder to serve, capture and damage rows without a server."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
from numpy.typing import NDArray

from lyne.client.targets import ranges_of
from lyne.wire import Draws, Precision, Selection
from lyne.wire.digests import crc32c, rows_digest
from lyne.wire.header import MAGIC, VERSION

VOCABULARY = 64
TEACHER = bytes(range(32))


def distribution(tokens: NDArray, position: int) -> NDArray[np.float64]:
    """What the made-up teacher says after a position: a function of the tokens up to there."""
    seen = hashlib.sha256(np.asarray(tokens[: position + 1], dtype="<u4").tobytes()).digest()
    logits = np.random.default_rng(int.from_bytes(seen[:8], "little")).normal(size=VOCABULARY) * 2
    return logits - np.log(np.exp(logits).sum())


def drawn(logprobs: NDArray[np.float64], seed: int, key: int, number: int) -> int:
    """The token that the contract's uniform number draws (decode.proto, DecodeSequence)."""
    seen = hashlib.sha256(b"lyne.decode.draw" + struct.pack("<QQQ", seed, key, number)).digest()
    uniform = (int.from_bytes(seen[:8], "little") >> 11) / 2**53
    return min(int(np.searchsorted(np.exp(logprobs).cumsum(), uniform, side="right")), VOCABULARY - 1)


def block(
    tokens: NDArray,
    positions: NDArray,
    selection: Selection,
    precision: Precision = Precision.EXACT,
    raw_logits: bool = False,
    teacher: bytes = TEACHER,
    tail_factor: float = 1.0,
) -> bytes:
    """A block of exact or half precision with the rows of some positions; draws are a few, always the same, tails off by a factor."""
    out = header(tokens, positions, selection, precision, raw_logits, teacher)
    half = precision == Precision.HALF
    value = "<f2" if half else "<f4"
    counts, ids, logprobs, draws, tails, labels, offsets, tempered = [], [], [], [], [], [], [], []
    for position in positions:
        exact = distribution(tokens, int(position))
        lp = exact.astype(value).astype(np.float64)
        kept = lp.argsort(kind="stable")[::-1][: min(selection.most_entries(VOCABULARY), 6 if isinstance(selection, Draws) else VOCABULARY)]
        counts.append(len(kept))
        ids.extend(kept)
        logprobs.extend(lp[kept])
        if isinstance(selection, Draws):
            drawn = np.ones(len(kept), dtype=int)
            drawn[: selection.head] = 0
            drawn[-1] += selection.draws - drawn.sum()
            draws.extend(drawn)
        rest = np.delete(exact, kept)
        tails.append(np.log(np.exp(rest).sum() * tail_factor) if len(rest) else -np.inf)
        if position + 1 < len(tokens):
            labels.append(lp[tokens[position + 1]])
        for tau in selection.temperatures:
            offsets.append(-np.log(np.exp(exact / tau).sum()))
            tempered.append(np.log(np.exp(rest / tau).sum()) + offsets[-1] if len(rest) else -np.inf)
    out += np.array(counts, "<u4").tobytes()
    out += np.array(ids, "<u2" if half else "<u4").tobytes() + np.array(logprobs, value).tobytes()
    out += np.array(draws, "<u4").tobytes() + np.array(tails, value).tobytes() + np.array(labels, value).tobytes()
    out += np.array(offsets, "<f4").tobytes() + np.array(tempered, value).tobytes()
    if raw_logits:
        out += (np.array(logprobs) + 1.5).astype(value).tobytes() + np.full(len(counts), 1.5, "<f4").tobytes()
    return sealed(out)


def header(tokens: NDArray, positions: NDArray, selection: Selection, precision: Precision, raw_logits: bool, teacher: bytes) -> bytes:
    numbers = selection.header_numbers(VOCABULARY)
    ranges = ranges_of(np.asarray(positions, dtype=np.int32))
    flags = int(positions[-1] == len(tokens) - 1) | 2 * raw_logits
    out = MAGIC + struct.pack("<BBBBII", VERSION, int(precision), numbers.kind, flags, VOCABULARY, numbers.k)
    out += numbers.first + numbers.second + teacher + bytes(16) + rows_digest(np.asarray(tokens), np.asarray(positions))
    out += struct.pack("<III", len(selection.temperatures), len(positions), len(ranges))
    out += np.array(selection.temperatures, "<f4").tobytes()
    return out + np.array(ranges, "<u4").tobytes()


def sealed(payload: bytes) -> bytes:
    """Bytes with their checksum."""
    return payload + struct.pack("<I", crc32c(payload))
