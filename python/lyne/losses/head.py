"""The output matrix as a module that computes losses instead of logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from lyne.losses.fused import OutputLayer, fused_loss
from lyne.losses.names import DistillationLoss
from lyne.losses.own_text import OwnText
from lyne.losses.rows import SparseTargets

__all__ = ["DistillationHead", "LossTerms", "OwnTextTerms"]


@dataclass(frozen=True)
class OwnTextTerms:
    """Means over a batch's tokens of own text that have a row.

    Attributes:
        policy: the policy's term.
        k1: estimator of KL(s‖t) in nats, each draw weighed by s/p of what it was drawn from; so are k2 and k3.
        clipped: share of tokens whose ratio is clipped.
        rows: tokens of own text with a row.
    """

    policy: Tensor
    k1: Tensor
    k2: Tensor
    k3: Tensor
    clipped: Tensor
    rows: Tensor


@dataclass(frozen=True)
class LossTerms:
    """A batch's loss and what it is made of; only `loss` has a gradient.

    Attributes:
        loss: (1 − α) · the mean CE over labelled positions + α · τ² · the mean D over positions with a row, over the denominators given
            or counted. Of own text, τ² · the mean D and the mean of the policy's term instead, and all of data `corpus_weight` times.
        nll: the mean CE, in nats a label; of data alone.
        divergence: the mean D.
        labels: positions of data with a label.
        rows: positions with a label and a row.
        own_text: of a loss with own text.
    """

    loss: Tensor
    nll: Tensor
    divergence: Tensor
    labels: Tensor
    rows: Tensor
    own_text: OwnTextTerms | None = None


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
                losses' softmax, as it is of the teacher's. Where it is left out, it is what the targets say, if they do.

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
        denominator: Tensor | float | tuple[Tensor | float, Tensor | float] | None = None,
    ) -> Tensor | LossTerms:
        """Logits of hidden states `[..., width]`, or their loss.

        Args:
            hidden: hidden states.
            targets: the teacher's row of the token after each.
            labels: the token after each, `[...]`, −100 where none is to be learnt; the row there is left out, too.
            denominator: labels of the whole step, over all processes and accumulated batches, in the place of those counted here, for
                both means; for a loss with own text, a pair: labels of data, and tokens of own text with a row.
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
        if (targets.weights is not None) != self.distillation.drawn:
            rows = "draws" if targets.weights is not None else "no draws"
            raise ValueError(
                f"targets: rows of {rows} for loss={self.distillation.loss} with drawn={self.distillation.drawn}"
                f" (expected: DistillationLoss(..., drawn={targets.weights is not None}), or another selection)"
            )
        covered = self._covered(targets.vocabulary_size)
        flat, wanted = targets.flatten(), labels.flatten()
        dtype = torch.float64 if hidden.dtype == torch.float64 else torch.float32
        counted = _Counted(flat, wanted, self.distillation.own_text)
        sums = fused_loss(
            hidden.flatten(0, -2),
            (self.weight[:covered], None if self.bias is None else self.bias[:covered]),
            self.distillation,
            flat,
            wanted,
            counted.weights(self.alpha, denominator, dtype),
            self.layer,
            self.chunk_rows,
        )
        return counted.terms(sums)

    def _covered(self, teacher: int) -> int:
        """Rows of the matrix in the softmax: never padding that the teacher's rows do not cover. `teacher` is 0 where nobody said."""
        rows = self.weight.shape[0]
        own = self.vocabulary_size or rows
        if teacher == 0 or own == teacher:
            return own
        if self.vocabulary_size is None and rows > teacher:
            return teacher
        raise ValueError(f"vocabulary: {own} ids of the student (expected: the teacher's {teacher})")


class _Counted:
    """Which positions of a batch count, and how much."""

    def __init__(self, targets: SparseTargets, labels: Tensor, own_text: OwnText | None):
        self._rule = own_text
        labelled = labels >= 0
        own = scored = torch.zeros_like(labelled)
        if own_text is not None:
            if targets.own_text is None or targets.label_logprob is None:
                missing = "own_text" if targets.own_text is None else "label_logprob"
                raise ValueError(f"targets without {missing} (expected: with it, for this loss)")
            own, scored = targets.own_text > 0, targets.label_logprob > -torch.inf
        has_row = labelled & (targets.mask & (targets.logprobs > -torch.inf)).any(-1)
        #: A label without a row takes the cross-entropy on the labels alone, and leaves the mean of D. Own text without a row has neither.
        self._labels, self._rows = labelled & ~own, has_row & ~own
        # A policy reads the teacher's log-probability of the label alone, so that rows that keep nothing count.
        self._own_rows = has_row & own & scored
        self._own_tokens = labelled & own & scored
        self._has_own = (labelled & own).any()
        self._has_row = has_row

    def weights(self, alpha: float, denominator: Any, dtype: torch.dtype) -> tuple[Tensor, ...]:
        """The weights of the cross-entropy on the labels, of D, and of the policy's term where there is one."""
        own = self._rule
        if own is None:
            if isinstance(denominator, tuple):
                raise ValueError("denominator: a pair (expected: one number, for a loss without own text)")
            by_label, by_row = self._means(self._labels, self._rows, denominator, dtype)
            return self._labels * ((1 - alpha) / by_label), self._rows.to(dtype) * alpha / by_row
        if denominator is not None and not isinstance(denominator, tuple):
            raise ValueError("denominator: one number (expected: a pair for a loss with own text, labels of data and tokens of own text)")
        of_data, of_own = denominator or (None, None)
        by_label, by_row = self._means(self._labels, self._rows, of_data, dtype)
        by_own = _number(of_own, dtype, self._own_tokens) if of_own is not None else self._own_tokens.sum().clamp(min=1).to(dtype)
        share = torch.where(self._has_own, own.corpus_weight, 1.0).to(dtype)
        return (
            self._labels * (share * (1 - alpha) / by_label),
            self._rows * (share * alpha / by_row) + self._own_rows * (own.single_step / by_own),
            self._own_tokens / by_own,
        )

    @staticmethod
    def _means(labels: Tensor, rows: Tensor, denominator: Any, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        if denominator is not None:
            number = _number(denominator, dtype, labels)
            return number, number
        return labels.sum().clamp(min=1).to(dtype), rows.sum().clamp(min=1).to(dtype)

    def terms(self, sums: Tensor) -> LossTerms:
        """The sums as means."""
        detached = sums.detach()
        labels, rows, own = self._labels.sum(), self._has_row.sum(), self._own_tokens.sum()
        of_own = None
        if self._rule is not None:
            policy, k1, k2, k3, clipped = (detached[3:] / own.clamp(min=1)).unbind()
            of_own = OwnTextTerms(policy, k1, k2, k3, clipped, own)
        return LossTerms(sums[0], detached[1] / labels.clamp(min=1), detached[2] / rows.clamp(min=1), labels, rows, of_own)


def _number(value: Tensor | float, dtype: torch.dtype, like: Tensor) -> Tensor:
    return value * torch.ones((), dtype=dtype, device=like.device)
