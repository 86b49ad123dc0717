"""A capture as Megatron-LM's cached log-probabilities: a tar for some iterations, each a zstd frame of tensors.

Written from its reader (Megatron-LM of August 2026): `cp0_dp0__LAST.tar` begins with `_meta.json`, whose hash its student compares with
that of its own run, and has `ITERATION.pt.zst` for each iteration: lists over micro-batches of log-probabilities `[sequence, batch, k]`, of
the ids' lower 16 bits and of their 17th. What a row does not keep is −1000 with an id of all ones.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lyne.captures import Capture
from lyne.export.captured import captured_sequences, identity_of, new_directory, whole_rows
from lyne.wire.selection import Draws

__all__ = ["MegatronBatches", "to_megatron"]

_MOST_IDS = 1 << 17
_NO_LOGPROB, _NO_ID = -1e3, -1
_LEVEL = 3


@dataclass(frozen=True)
class MegatronBatches:
    """How a Megatron-LM run takes its samples.

    Attributes:
        global_batch: sequences of an iteration, and
        micro_batch: of a micro-batch.
        identifiers: what its run's identity is made of: `seed`, `sequence_length`, `train_samples` and `blend`, in this order.
        iterations_a_file: iterations of one tar.
        first_iteration: number of the first one; Megatron-LM counts from 0.
    """

    global_batch: int
    micro_batch: int
    identifiers: dict[str, Any]
    iterations_a_file: int = 64
    first_iteration: int = 0

    def __post_init__(self) -> None:
        if self.micro_batch < 1 or self.global_batch < 1 or self.global_batch % self.micro_batch:
            raise ValueError(f"global_batch: {self.global_batch} (expected: a multiple of micro_batch={self.micro_batch}, above 0)")
        expected = ("seed", "sequence_length", "train_samples", "blend")
        if tuple(self.identifiers) != expected:
            raise ValueError(f"identifiers: {', '.join(self.identifiers)} (expected: {', '.join(expected)}, in this order)")

    @property
    def hash(self) -> str:
        """What Megatron-LM's student compares."""
        description = json.dumps(self.identifiers, sort_keys=False, separators=(",", ":"))
        return hashlib.md5(description.encode(), usedforsecurity=False).hexdigest()


def to_megatron(directory: Path, out: Path, sequences: Path, batches: MegatronBatches) -> int:
    """Writes the tars of a run of one data-parallel rank, which Megatron-LM spreads over as many as there are, into a directory that is
    not there yet; gives how many sequences there are.

    Args:
        sequences: a file with the token ids of one sequence a line, in the order of Megatron-LM's samples, each with the token that
            follows it.

    Raises:
        CaptureError: where the capture is damaged, or does not hold one of the sequences.
        ValueError: where zstandard is missing, ids need more than 17 bits, lengths differ, rows are missing or are drawn, or the last
            iteration is not whole.
    """
    try:
        import zstandard
    except ImportError:
        raise ValueError("zstandard: not installed (expected: pip install lyne[export])") from None
    capture = Capture(directory)
    vocabulary = capture.teacher.vocabulary_size
    if vocabulary > _MOST_IDS:
        raise ValueError(f"vocabulary_size: {vocabulary} (expected: at most {_MOST_IDS}, as the format has 17 bits)")
    if isinstance(capture.selection, Draws) or not capture.selection.is_prefix:
        raise ValueError(f"selection: {capture.selection} (expected: top_k, top_p_k or top_fraction)")
    k = capture.selection.most_entries(vocabulary)
    meta = {
        "hash": batches.hash,
        "identifiers": batches.identifiers,
        "saver": {"k": k, "p": getattr(capture.selection, "p", None), "min_k": 1, "save_dtype": "fp32"},
        **{f"lyne.{name}": value for name, value in identity_of(capture).items()},
    }
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    iterations = enumerate(_iterations(capture, sequences, k, batches), batches.first_iteration)
    written = 0
    with new_directory(out) as aside:
        while group := list(islice(iterations, batches.iterations_a_file)):
            path = aside / f"cp0_dp0__{group[-1][0]}.tar"
            with tarfile.open(path, "w") as tar:
                _add(tar, "_meta.json", json.dumps(meta, separators=(",", ":")).encode())
                for iteration, tensors in group:
                    data = io.BytesIO()
                    torch.save(tensors, data)
                    _add(tar, f"{iteration}.pt.zst", compressor.compress(data.getvalue()))
            written += len(group) * batches.global_batch
    return written


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _iterations(capture: Capture, sequences: Path, k: int, batches: MegatronBatches) -> Iterator[dict[str, list[Tensor]]]:
    rows = _rows(capture, sequences, k)
    length = None
    while samples := list(islice(rows, batches.global_batch)):
        if len(samples) < batches.global_batch:
            raise ValueError(
                f"{sequences}: {len(samples)} sequences left over (expected: a multiple of global_batch={batches.global_batch})"
            )
        for logprobs, _ in samples:
            length = length or len(logprobs)
            if len(logprobs) != length:
                raise ValueError(f"{sequences}: sequences of {length + 1} and of {len(logprobs) + 1} tokens (expected: all of one length)")
        micro = [samples[at : at + batches.micro_batch] for at in range(0, len(samples), batches.micro_batch)]
        ids = [torch.from_numpy(np.stack([own for _, own in part], axis=1)) for part in micro]
        yield {
            "values": [torch.from_numpy(np.stack([own for own, _ in part], axis=1)) for part in micro],
            "indices_low": [(own & 0xFFFF).to(torch.uint16) for own in ids],
            "bit_17": [(own >> 16).to(torch.bool) for own in ids],
        }


def _rows(capture: Capture, sequences: Path, k: int) -> Iterator[tuple[Any, Any]]:
    """Log-probabilities and ids of each sequence, `[positions, k]`."""
    for found in captured_sequences(capture, sequences):
        offsets, ids, logprobs = whole_rows(found, f"{sequences}:{found.number + 1}")
        counts = np.diff(offsets)
        row = np.repeat(np.arange(len(counts)), counts)
        place = np.arange(len(ids)) - offsets[:-1][row]
        values = np.full((len(counts), k), _NO_LOGPROB, dtype=np.float32)
        named = np.full((len(counts), k), _NO_ID, dtype=np.int64)
        values[row, place], named[row, place] = logprobs, ids
        yield values, named
