"""What the package costs, each figure a ratio of two things measured in one run, in turns.

Needs a quiet machine; what it prints beside other work means nothing.
"""

from __future__ import annotations

import multiprocessing
import statistics
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lyne.losses import DistillationLoss, SparseTargets, fused_loss
from lyne.wire import TopK, decode
from lyne.wire.digests import crc32c, rows_digest
from lyne.wire.header import MAGIC, VERSION

__all__ = ["figures_of"]

#: Tokens of a window beside a stream, and steps of a pass.
_LENGTH, _STEPS = 128, 12


def figures_of(
    vocabulary: int, positions: int, width: int, k: int, pairs: int, lyne: Path | None, tell: Callable[[str, float], None] = lambda *_: None
) -> dict[str, float]:
    """Decoded entries a second; a fused step of the default loss over one of fused cross-entropy alone; and the peak of its memory over
    that of whole logits. With `./lyne`, too, the decoder over Java's, steps with a stream over steps without, and steps with a delayed
    one over steps with one that is not. `tell` gets each as soon as it is there."""
    shape = (vocabulary, positions, width, k)
    figures: dict[str, float] = {}

    def measured(name: str, value: float) -> None:
        figures[name] = value
        tell(name, value)

    measured("decode_entries_per_second", _decode_rate(vocabulary, k, pairs))
    measured("step_over_cross_entropy", _step_ratio(shape, pairs))
    if Path("/proc/self/clear_refs").exists():
        measured("peak_memory_over_unfused", _peak("fused", shape) / max(1.0, _peak("unfused", shape)))
    if lyne is not None:
        from lyne.stream_benchmarks import Steps, decode_over_java, delayed_over_local, with_stream_over_without

        windows = max(1, positions // 2 // _LENGTH)
        steps = Steps(vocabulary, width, k, windows, min(_LENGTH, positions), _STEPS)
        rate, ratio = decode_over_java(lyne, pairs)
        measured("compact_decode_entries_per_second", rate)
        measured("decode_over_java", ratio)
        measured("with_stream_over_without", with_stream_over_without(lyne, steps, pairs))
        measured("delayed_over_local", delayed_over_local(lyne, steps, pairs))
    return figures


def _decode_rate(vocabulary: int, k: int, pairs: int, rows: int = 512) -> float:
    """Entries a second of one thread, checksum, header and columns of an exact block."""
    random = np.random.default_rng(0)
    numbers = TopK(k).header_numbers(vocabulary)
    tokens = random.integers(0, vocabulary, rows + 1).astype(np.int32)
    ids = np.stack([random.choice(vocabulary, k, replace=False) for _ in range(rows)])
    lp = np.sort(np.log(random.dirichlet(np.ones(k), rows) * 0.9), axis=1)[:, ::-1]
    out = MAGIC + struct.pack("<BBBBII", VERSION, 1, 1, 0, vocabulary, k) + numbers.first + numbers.second + bytes(48)
    out += rows_digest(tokens, np.arange(rows)) + struct.pack("<IIIII", 0, rows, 1, 0, rows)
    out += np.full(rows, k, "<u4").tobytes() + ids.astype("<u4").tobytes() + lp.astype("<f4").tobytes()
    out += np.full(2 * rows, np.log(0.1), "<f4").tobytes()
    block = out + struct.pack("<I", crc32c(out))
    return rows * k / _median(lambda: decode(block), 20 * pairs)


def _median(run: Callable[[], Any], count: int) -> float:
    times = []
    for _ in range(count):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _tensors(shape: tuple[int, int, int, int]) -> tuple[Tensor, Tensor, SparseTargets, Tensor]:
    vocabulary, positions, width, k = shape
    g = torch.Generator().manual_seed(0)
    hidden = torch.randn(positions, width, generator=g).requires_grad_()
    weight = (torch.randn(vocabulary, width, generator=g) / width**0.5).requires_grad_()
    ids = torch.randint(0, vocabulary // k, (positions, k), generator=g) + torch.arange(k) * (vocabulary // k)
    logprobs = torch.log_softmax(torch.randn(positions, k, generator=g), -1).sort(-1, descending=True).values + np.log(0.9)
    targets = SparseTargets(ids, logprobs, torch.ones_like(ids, dtype=torch.bool), torch.full((positions,), float(np.log(0.1))))
    return hidden, weight, targets, torch.randint(0, vocabulary, (positions,), generator=g)


def _step_ratio(shape: tuple[int, int, int, int], pairs: int) -> float:
    hidden, weight, targets, labels = _tensors(shape)
    ones, zeros = torch.ones(shape[1]), torch.zeros(shape[1])
    nothing = SparseTargets(targets.token_ids[:, :1], targets.logprobs[:, :1], torch.zeros_like(targets.mask[:, :1]), targets.log_tail)

    def step(rows: SparseTargets, data: Tensor, weights: Tensor) -> None:
        hidden.grad = weight.grad = None
        loss = fused_loss(hidden, (weight, None), DistillationLoss(), rows, labels, (data, weights))
        loss[0].backward()

    ratios = []
    for _ in range(pairs + 1):
        start = time.perf_counter()
        step(nothing, ones, zeros)
        middle = time.perf_counter()
        step(targets, ones * 0.1, ones * 0.9)
        ratios.append((time.perf_counter() - middle) / (middle - start))
    return statistics.median(ratios[1:])


def _peak(which: str, shape: tuple[int, int, int, int]) -> float:
    """KiB that a step adds to the peak of a process of its own, as Linux counts it."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(which, shape, sender))
    process.start()
    value = receiver.recv()
    process.join()
    return value


def _measure(which: str, shape: tuple[int, int, int, int], sender: Any) -> None:
    hidden, weight, targets, labels = _tensors(shape)
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    if which == "fused":
        ones = torch.ones(shape[1])
        fused_loss(hidden, (weight, None), DistillationLoss(), targets, labels, (ones * 0.1, ones * 0.9))[0].backward()
    else:
        log_s = torch.log_softmax(hidden @ weight.t(), -1)
        kept = log_s.gather(-1, targets.token_ids)
        divergence = (targets.logprobs.exp() * (targets.logprobs - kept)).sum(-1)
        (0.1 * torch.nn.functional.nll_loss(log_s, labels) + 0.9 * divergence.mean()).backward()
    sender.send(float(_resident("VmHWM") - before))


def _resident(name: str) -> int:
    """KiB of this process: resident now (VmRSS), or at its peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))
