"""What a stream costs beside a student's steps, and this package's decoder beside Java's: figures that need `./lyne`.

All processes that are started listen on loopback, and end with the measurement.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lyne.batches import sparse_targets
from lyne.blocks import frames
from lyne.losses import DistillationHead, DistillationLoss
from lyne.teacher import Teacher
from lyne.wire import TopK, decode

__all__ = ["Steps", "decode_over_java", "delayed_over_local", "with_stream_over_without"]

#: One way, ms.
_DELAY_MILLIS = 50

_WORKERS = 2

#: Of a round of decoding.
_ROUND_SECONDS = 0.2


@dataclass(frozen=True)
class Steps:
    """Steps that are timed: so many a pass, each of so many windows of so many tokens."""

    vocabulary: int
    width: int
    k: int
    windows: int
    length: int
    count: int

    @property
    def batches(self) -> list[dict[str, Tensor]]:
        """The batches of a pass, always the same."""
        random = np.random.default_rng(0)
        shape = (self.count, self.windows, self.length)
        return [{"input_ids": torch.from_numpy(ids)} for ids in random.integers(0, self.vocabulary, shape)]


class _Student(nn.Module):
    """A small causal transformer whose head learns from rows."""

    def __init__(self, steps: Steps):
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(steps.vocabulary, steps.width)
        layer = nn.TransformerEncoderLayer(steps.width, max(1, steps.width // 64), 4 * steps.width, 0.0, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        # As models begin: logits of a few units. Wider ones make subnormal probabilities, whose products are 20 times slower.
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.head = DistillationHead(cast(nn.Parameter, self.embedding.weight), loss=DistillationLoss(), alpha=0.9)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        ids = batch["input_ids"]
        mask = nn.Transformer.generate_square_subsequent_mask(ids.shape[1])
        hidden = self.layers(self.embedding(ids), mask=mask, is_causal=True)
        return self.head(hidden, sparse_targets(batch), batch["target_labels"]).loss


class _Loop:
    def __init__(self, steps: Steps):
        self._student = _Student(steps)
        self._optimizer = torch.optim.AdamW(self._student.parameters(), lr=1e-4)

    def seconds(self, batches: Iterable[Any]) -> float:
        """How long a pass takes."""
        start = time.perf_counter()
        for batch in batches:
            self._student(batch).backward()
            self._optimizer.step()
            self._optimizer.zero_grad()
        return time.perf_counter() - start


@contextmanager
def _process(*command: str) -> Iterator[str]:
    """A process that says on its first line where it listens."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                errors.seek(0)
                raise ValueError(f"{' '.join(command[:3])}: nothing listens (expected: a server): {errors.read()[-1000:]}")
            yield json.loads(line)["listening"]
        finally:
            process.terminate()
            process.wait()


@contextmanager
def _server(lyne: Path, steps: Steps) -> Iterator[str]:
    teacher = f"synthetic:vocabulary={steps.vocabulary},context={steps.length},tokens_per_second=0"
    with _process(str(lyne), "serve", "--teacher", teacher, "--listen", "127.0.0.1:0") as address:
        yield address


def with_stream_over_without(lyne: Path, steps: Steps, pairs: int) -> float:
    """The pace of steps whose rows come over a stream, over that of the same steps with their rows in memory; in turns."""
    loop, ratios = _Loop(steps), []
    with _server(lyne, steps) as address, Teacher(address, TopK(steps.k)) as teacher:
        ready = list(teacher.attach(steps.batches))
        loop.seconds(ready)
        for _ in range(pairs):
            streamed = loop.seconds(teacher.attach(steps.batches))
            ratios.append(loop.seconds(ready) / streamed)
    return statistics.median(ratios)


def _collate(rows: list[Tensor]) -> dict[str, Tensor]:
    return {"input_ids": torch.stack(rows)}


def delayed_over_local(lyne: Path, steps: Steps, pairs: int) -> float:
    """The time of steps whose rows come from a server behind a delay, over that of the same steps without it; in turns. Rows are
    fetched by workers of a `DataLoader`."""
    windows = [row for batch in steps.batches for row in batch["input_ids"]]
    loop = _Loop(steps)
    with _server(lyne, steps) as near, _process(str(lyne), "bench", "proxy", "--target", near, "--delay-ms", str(_DELAY_MILLIS)) as far:
        loaders: list[DataLoader[Any]] = [
            DataLoader(
                windows,  # type: ignore[arg-type]
                batch_size=steps.windows,
                collate_fn=Teacher(address, TopK(steps.k)).collator(_collate),
                num_workers=_WORKERS,
                persistent_workers=True,
                multiprocessing_context="spawn",
            )
            for address in (near, far)
        ]
        for loader in loaders:
            loop.seconds(loader)  # its workers are there, and have their streams
        times = [[loop.seconds(loader) for loader in loaders] for _ in range(pairs)]
    return statistics.median(delayed / local for local, delayed in times)


def decode_over_java(lyne: Path, pairs: int, blocks: int = 16) -> tuple[float, float]:
    """Entries a second of this package's decoder on compact blocks, and that over Java's on the same ones; in turns, by the CPU time of one
    thread, the fastest round of each."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "blocks"
        subprocess.run([str(lyne), "bench", "blocks", "--alike", "--count", str(blocks), "--out", str(file)], check=True)
        with open(file, "rb") as stream:
            own = [frame.block for frame in frames(stream)]
        command = [str(lyne), "bench", "blocks", "--time", str(file)]
        java = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert java.stdin is not None and java.stdout is not None
        try:
            if java.stdout.readline().strip() != "ready":
                raise ValueError("lyne bench blocks --time: no answer (expected: ready)")
            mine, theirs = [], []
            for _ in range(max(3, pairs)):
                java.stdin.write("\n")
                java.stdin.flush()
                theirs.append(float(java.stdout.readline()))
                mine.append(_decode_round(own))
            return max(mine), max(mine) / max(theirs)
        finally:
            java.stdin.close()
            java.wait()


def _decode_round(blocks: list[bytes]) -> float:
    entries = at = 0
    start = time.thread_time()
    while (elapsed := time.thread_time() - start) < _ROUND_SECONDS:
        entries += len(decode(blocks[at % len(blocks)]).ids)
        at += 1
    return entries / elapsed
