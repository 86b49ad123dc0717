"""The output matrix as a module that computes losses instead of logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from lyne.losses.fused import OutputLayer, fused_loss
from lyne.losses.names import DistillationLoss
from lyne.losses.rows import SparseTargets

__all__ = ["DistillationHead", "LossTerms"]


@dataclass(frozen=True)
class LossTerms:
    """A batch's loss and what it is made of; only `loss` has a gradient.

    Attributes:
        loss: (1 − α) · the mean CE over labelled positions + α · τ² · the mean D over positions with a row, over the denominators given
            or counted.
        nll: the mean CE, in nats a label.
        divergence: the mean D.
        labels: positions with a label.
        rows: positions with a label and a row.
    """

    loss: Tensor
    nll: Tensor
    divergence: Tensor
    labels: Tensor
    rows: Tensor


class DistillationHead(nn.Linear):
    """The output layer of a causal language model, fused with a loss on a teacher's rows.

    It is a `torch.nn.Linear`: called with hidden states alone it gives logits, so that a model generates as before; called with targets
    it gives `LossTerms` without ever holding the logits of all positions. It owns the output matrix as its `weight`, which may be that
    of the input embeddings, so that the hooks of DDP and FSDP fire and checkpoints keep their names.
    """

    def __init__(
        self,
        weight: nn.Parameter,
        bias: nn.Parameter | None = None,
        loss: DistillationLoss | None = None,
        alpha: float = 1.0,
        layer: OutputLayer | None = None,
        vocabulary_size: int | None = None,
    ):
        """Takes an output matrix `[V, width]` over, as it is: it stays the same parameter.

        Args:
            vocabulary_size: ids that the teacher's rows cover, where the matrix is padded beyond them; the padding is left out of the
                losses' softmax, as it is of the teacher's.

        Raises:
            ValueError: where alpha is not in 0..1, or the matrix has fewer rows than the vocabulary.
        """
        if vocabulary_size is not None and not 1 <= vocabulary_size <= weight.shape[0]:
            raise ValueError(f"vocabulary_size: {vocabulary_size} (expected: 1..{weight.shape[0]}, the rows of the output matrix)")
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha: {alpha} (expected: 0..1)")
        nn.Module.__init__(self)
        self.out_features, self.in_features = weight.shape
        self.weight = weight
        if bias is None:
            self.register_parameter("bias", None)
        else:
            self.bias = bias
        self.distillation = loss or DistillationLoss()
        self.alpha = alpha
        self.layer = layer or OutputLayer()
        self.vocabulary_size = vocabulary_size
        self.chunk_rows: int | None = None

    @staticmethod
    def of(
        linear: nn.Module, loss: DistillationLoss | None = None, alpha: float = 1.0, vocabulary_size: int | None = None
    ) -> DistillationHead:
        """A head in the place of a linear output layer, with its very parameters."""
        if not isinstance(linear, nn.Linear):
            raise ValueError(f"output layer: {type(linear).__name__} (expected: torch.nn.Linear)")
        return DistillationHead(
            cast(nn.Parameter, linear.weight), cast("nn.Parameter | None", linear.bias), loss, alpha, None, vocabulary_size
        )

    def forward(  # type: ignore[override]
        self,
        hidden: Tensor,
        targets: SparseTargets | None = None,
        labels: Tensor | None = None,
        denominator: Tensor | float | None = None,
    ) -> Tensor | LossTerms:
        """Logits of hidden states `[..., width]`, or their loss.

        Args:
            hidden: hidden states.
            targets: the teacher's row of the token after each.
            labels: the token after each, `[...]`, −100 where none is to be learnt; the row there is left out, too.
            denominator: labels of the whole step, over all processes and accumulated batches, in the place of those counted here, for
                both means.
        """
        if targets is None:
            return super().forward(hidden)
        if labels is None:
            raise ValueError("labels: none (expected: the token after each position, -100 where none is learnt)")
        if targets.log_tail.shape != labels.shape or hidden.shape[:-1] != labels.shape:
            raise ValueError(
                f"targets of {list(targets.log_tail.shape)} and hidden states of {list(hidden.shape[:-1])} positions"
                f" (expected: {list(labels.shape)}, as labels)"
            )
        self.distillation.require_tails(targets.tail_error)
        flat, wanted = targets.flatten(), labels.flatten()
        dtype = torch.float64 if hidden.dtype == torch.float64 else torch.float32
        has_label = wanted >= 0
        has_row = has_label & (flat.mask & (flat.logprobs > -torch.inf)).any(-1)
        label_count, row_count = has_label.sum(), has_row.sum()
        by_label = (denominator if denominator is not None else label_count.clamp(min=1)) * torch.ones(
            (), dtype=dtype, device=hidden.device
        )
        by_row = by_label if denominator is not None else row_count.clamp(min=1).to(dtype)
        # A label without a row takes the cross-entropy on the labels alone, and leaves the mean of D.
        data_weight = has_label * ((1 - self.alpha) / by_label)
        weight = has_row.to(dtype) * self.alpha / by_row
        sums = fused_loss(
            hidden.flatten(0, -2),
            (self.weight[: self.vocabulary_size], None if self.bias is None else self.bias[: self.vocabulary_size]),
            self.distillation,
            flat,
            wanted,
            (data_weight, weight),
            self.layer,
            self.chunk_rows,
        )
        detached = sums.detach()
        return LossTerms(
            sums[0],
            detached[1] / label_count.clamp(min=1),
            detached[2] / row_count.clamp(min=1),
            label_count,
            row_count,
        )
