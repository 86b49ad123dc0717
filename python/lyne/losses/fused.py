"""The output layer fused with its losses: a chunk of rows at a time, so that the logits of all positions are never there at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from lyne.losses.names import DistillationLoss
from lyne.losses.own_text import on_labels
from lyne.losses.rows import Rows, SparseTargets
from lyne.losses.targets import treat

__all__ = ["OutputLayer", "fused_loss"]

#: Numbers of a chunk's logits, at most, unless a row alone has more.
_CHUNK_NUMBERS = 1 << 24

#: A batch is cut into at least as many chunks, so that its peak of memory stays a small part of whole logits.
_LEAST_CHUNKS = 12

#: Chunks of fewer rows than this waste the matrix product.
_LEAST_ROWS = 64


@dataclass(frozen=True)
class OutputLayer:
    """What stands between hidden states h and logits: softcap(scale · (h·Wᵀ + bias)), softcap(z) = c·tanh(z/c).

    Attributes:
        scale: the inverse of a temperature that belongs to the model.
        softcap: c; None where there is none.
    """

    scale: float = 1.0
    softcap: float | None = None

    def __post_init__(self) -> None:
        if self.softcap is not None and not self.softcap > 0:
            raise ValueError(f"softcap: {self.softcap} (expected: above 0)")

    def logits(self, hidden: Tensor, weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Tensor:
        """The logits of some rows in the precision of the sums, in memory of their own."""
        z = torch.nn.functional.linear(hidden, weight, bias).to(dtype)
        if self.scale != 1:
            z.mul_(self.scale)
        if self.softcap is not None:
            z.div_(self.softcap).tanh_().mul_(self.softcap)
        return z

    def slope_(self, gradient: Tensor, logits: Tensor) -> Tensor:
        """The gradient before scale and softcap, in place of that of the logits."""
        if self.softcap is not None:
            gradient.mul_(1 - (logits / self.softcap).square_())
        return gradient.mul_(self.scale) if self.scale != 1 else gradient


@dataclass(frozen=True)
class _Problem:
    """Everything but the tensors that gradients are for."""

    loss: DistillationLoss
    layer: OutputLayer
    targets: SparseTargets
    labels: Tensor
    weights: tuple[Tensor, ...]
    chunk_rows: int

    def rows(self, at: slice, dtype: torch.dtype) -> Rows:
        return Rows(
            self.targets.map(lambda column: column[at]),
            self.labels[at],
            tuple(weight[at] for weight in self.weights),
            dtype,
        )


def fused_loss(
    hidden: Tensor,
    output: tuple[Tensor, Tensor | None],
    loss: DistillationLoss,
    targets: SparseTargets,
    labels: Tensor,
    weights: tuple[Tensor, ...],
    layer: OutputLayer | None = None,
    chunk_rows: int | None = None,
) -> Tensor:
    """Sums over rows: data_weight · CE + distillation_weight · τ² · D; CE alone, unweighted; D alone, unweighted. `[3]`. With own text
    the first has policy_weight times the policy's term, too, CE leaves own text out, and the sums of `own_text.TERMS` follow. `[8]`.

    Only the first has a gradient, which is made in closed form while the forward runs.

    Args:
        hidden: `[rows, width]`.
        output: the output matrix `[V, width]`, and its bias `[V]` or None.
        loss: what D is.
        targets: one row for each of `hidden`.
        labels: the next tokens, `[rows]`; where one is below 0 the row has no CE, and its data weight must be 0.
        weights: data_weight, distillation_weight and, with own text, policy_weight, `[rows]` each. A row whose weights are 0 adds
            nothing; rows of own text have no data weight, others no policy weight.
        layer: scale and softcap, where there are any.
        chunk_rows: rows whose logits are there at once; by default as few as keep the products efficient.
    """
    rows, vocabulary = hidden.shape[0], output[0].shape[0]
    if chunk_rows is None:
        chunk_rows = max(_LEAST_ROWS, -(-rows // _LEAST_CHUNKS))
        chunk_rows = max(1, min(chunk_rows, _CHUNK_NUMBERS // vocabulary))
    if chunk_rows < 1:
        raise ValueError(f"chunk_rows: {chunk_rows} (expected: at least 1)")
    if len(weights) != (2 if loss.own_text is None else 3):
        expected = "data and distillation" if loss.own_text is None else "data, distillation and policy"
        raise ValueError(f"weights: {len(weights)} (expected: {expected})")
    problem = _Problem(loss, layer or OutputLayer(), targets, labels, weights, chunk_rows)
    return _FusedLoss.apply(hidden, output[0], output[1], problem)


class _FusedLoss(torch.autograd.Function):
    """The gradients of hidden states, output matrix and bias are made in the forward, and scaled in the backward."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, problem: _Problem
    ) -> Tensor:
        compute = hidden.dtype
        if torch.is_autocast_enabled(hidden.device.type):
            compute = torch.get_autocast_dtype(hidden.device.type)
        sums_in = torch.float64 if compute == torch.float64 else torch.float32
        with torch.autocast(hidden.device.type, enabled=False):
            h, w = hidden.to(compute), weight.to(compute)
            b = None if bias is None else bias.to(compute)
            needed = ctx.needs_input_grad
            of_hidden = torch.empty_like(h) if needed[0] else None
            of_weight = torch.zeros(w.shape, dtype=sums_in, device=w.device) if needed[1] else None
            of_bias = torch.zeros(w.shape[0], dtype=sums_in, device=w.device) if needed[2] else None
            total = torch.zeros(problem.loss.sums, dtype=sums_in, device=h.device)
            magnified = _magnification(problem.weights, compute, h.device)
            for start in range(0, h.shape[0], problem.chunk_rows):
                at = slice(start, start + problem.chunk_rows)
                logits = problem.layer.logits(h[at], w, b, sums_in)
                sums, gradient = loss_of_logits(problem.loss, logits, problem.rows(at, sums_in))
                total += sums
                if any(needed):
                    gradient = problem.layer.slope_(gradient, logits)
                    if of_bias is not None:
                        of_bias += gradient.sum(0)
                    gradient = gradient.mul_(magnified).to(compute) if magnified is not None else gradient.to(compute)
                    if of_hidden is not None:
                        torch.mm(gradient, w, out=of_hidden[at])
                    if of_weight is not None:
                        _add_product(of_weight, gradient, h[at])
            if of_weight is not None and magnified is not None:
                of_weight /= magnified
        ctx.save_for_backward(of_hidden, of_weight, of_bias)
        ctx.magnified = magnified
        ctx.dtypes = (hidden.dtype, weight.dtype, None if bias is None else bias.dtype)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_sums: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        scale = by_sums[0]
        of_hidden, of_weight, of_bias = ctx.saved_tensors
        if of_hidden is not None and ctx.magnified is not None:
            of_hidden = of_hidden.to(scale.dtype) / ctx.magnified
        return (
            *(
                None if gradient is None else (gradient * scale.to(gradient.dtype)).to(dtype)
                for gradient, dtype in zip((of_hidden, of_weight, of_bias), ctx.dtypes, strict=True)
            ),
            None,
        )


def _magnification(weights: tuple[Tensor, ...], compute: torch.dtype, device: torch.device) -> Tensor | None:
    """A power of two that brings the gradient of a row's logits to about 1, since the weights are parts of a batch, and float16 has no
    number below 6e-8; None where the precision has its range."""
    if compute != torch.float16:
        return None
    largest = torch.stack([weight.amax() for weight in weights if weight.numel()] or [torch.ones((), device=device)]).amax()
    return torch.exp2(-torch.floor(torch.log2(torch.where(largest > 0, largest, 1))))


def _add_product(total: Tensor, gradient: Tensor, hidden: Tensor) -> None:
    """Adds gradientᵀ · hidden, in the total's precision whatever that of the product is."""
    if total.dtype == gradient.dtype:
        total.addmm_(gradient.t(), hidden)
    else:
        total += torch.mm(gradient.t(), hidden)


def loss_of_logits(loss: DistillationLoss, logits: Tensor, rows: Rows) -> tuple[Tensor, Tensor]:
    """The sums and the gradient of the logits `[rows, V]` of the first of them; at temperature 1 both losses share one softmax."""
    tau = loss.student_temperature
    scale = tau * tau if loss.temperature_squared else 1.0
    s = torch.softmax(logits, -1)
    lse = _log_sum_exp(logits, s, torch.cat([rows.ids, rows.labels], -1) if tau == 1 else rows.labels)
    cross_entropy = torch.where(rows.has_label, lse - logits.gather(-1, rows.labels), 0)
    rows.student_label_logprob = -cross_entropy
    minimised, sums = on_labels(loss.own_text, cross_entropy, rows)
    rows.slope = rows.weight * (scale / tau)
    gradient = s
    if tau == 1:
        rows.data = rows.data_weight
        divergence = treat(loss, logits, s, lse, rows)
        gradient.scatter_add_(-1, rows.labels, -rows.data_weight)
    else:
        gradient.mul_(rows.data_weight).scatter_add_(-1, rows.labels, -rows.data_weight)
        z = logits / tau
        softmax = torch.softmax(z, -1)
        divergence = treat(loss, z, softmax, _log_sum_exp(z, softmax, rows.ids), rows)
        gradient.add_(softmax)
    divergence = torch.where(rows.weight > 0, divergence, 0)
    minimised = minimised + divergence * (rows.weight * scale)
    return torch.stack([minimised.sum(), sums[0], divergence.sum(), *sums[1:]]), gradient


def _log_sum_exp(z: Tensor, s: Tensor, ids: Tensor) -> Tensor:
    """The log-sum-exp of rows `[rows, 1]`, read from the most probable of some ids, which saves a pass over the vocabulary."""
    if z.is_cuda:  # looking at a number would wait for the device
        return torch.logsumexp(z, -1, keepdim=True)
    most, at = s.gather(-1, ids).max(-1, keepdim=True)
    if bool((most < 1e-30).any()):
        return torch.logsumexp(z, -1, keepdim=True)
    return z.gather(-1, ids.gather(-1, at)) - most.log()
