"""The sequences of a capture, found by their token ids and checked against them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyne.captures import Capture
from lyne.client.targets import TargetSequence, checked_block
from lyne.errors import CaptureError
from lyne.wire.block import Block

__all__ = ["CapturedSequence", "captured_sequences", "identity_of", "new_directory", "pyarrow_parquet", "whole_rows"]


@dataclass(frozen=True)
class CapturedSequence:
    """A sequence of a capture, with its blocks in order."""

    number: int
    tokens: NDArray[np.int32]
    blocks: list[Block]


def captured_sequences(capture: Capture, file: Path) -> Iterator[CapturedSequence]:
    """The sequences of a file, a JSON list of token ids a line, or an object with such a list as `input_ids`; each with the rows that were
    captured of it, which of a prompt there are none.

    Raises:
        CaptureError: where the capture does not hold one, or is damaged.
        ValueError: where a line holds no token ids.
    """
    identity = capture.identity()
    with open(file) as lines:
        for number, line in enumerate(lines):
            tokens = _tokens(line, f"{file}:{number + 1}")
            sequence = TargetSequence(number, tokens)
            found = capture.find_any(sequence)
            if found is None:
                raise CaptureError(f"{file}:{number + 1}: not in {capture.directory} (expected: a captured sequence)")
            yield CapturedSequence(number, tokens, [checked_block(block, sequence, None, identity) for block in found])


def _tokens(line: str, where: str) -> NDArray[np.int32]:
    try:
        value = json.loads(line)
        return np.array(value["input_ids"] if isinstance(value, dict) else value, dtype=np.int32)
    except (ValueError, TypeError, KeyError):
        raise ValueError(f"{where}: (expected: a JSON list of token ids, or an object with one as input_ids)") from None


def identity_of(capture: Capture) -> dict[str, Any]:
    """What identifies a capture's rows, as its manifest has it."""
    return {name: capture.manifest[name] for name in ("teacher", "rows", "packing")}


def whole_rows(sequence: CapturedSequence, where: str) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Offsets, ids and log-probabilities of a sequence that has a row at each position with a next token.

    Raises:
        ValueError: where one has no row, which other formats could only fill in.
    """
    positions = np.concatenate([block.header.positions for block in sequence.blocks])
    wanted = len(sequence.tokens) - 1
    if not np.array_equal(positions, np.arange(wanted)):
        raise ValueError(f"{where}: rows at {len(positions)} of {wanted} positions (expected: at each with a next token)")
    counts = np.concatenate([np.diff(block.offsets) for block in sequence.blocks])
    offsets = np.concatenate([[0], counts.cumsum()]).astype(np.int32)
    ids = np.concatenate([block.ids for block in sequence.blocks])
    return offsets, ids, np.concatenate([block.logprobs for block in sequence.blocks])


def require_new(out: Path, kind: str) -> None:
    """Raises ValueError where something has that name."""
    if out.exists():
        raise ValueError(f"out: {out} is there (expected: a new {kind})")


@contextmanager
def new_directory(out: Path) -> Iterator[Path]:
    """A directory that is put in its place once it is whole; nothing of it is left where something fails."""
    require_new(out, "directory")
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def pyarrow_parquet() -> tuple[ModuleType, ModuleType]:
    """pyarrow and its Parquet files."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ValueError("pyarrow: not installed (expected: pip install lyne[export])") from None
    return pa, pq
