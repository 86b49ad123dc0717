"""Rows of a teacher beside the student's labels: what a loss reads."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

__all__ = ["IGNORED", "SparseTargets"]

#: A label that is none, as everywhere in PyTorch.
IGNORED = -100


@dataclass(frozen=True)
class SparseTargets:
    """A teacher's rows for each position of a batch, on the device of the student.

    A position's row is the teacher's distribution of the *next* token, so row s of a sequence stands beside the student's hidden state
    s, and `labels[s]` is token s + 1 (already shifted). A row whose entries are all masked teaches nothing.

    Attributes:
        token_ids: ids that were sent, in descending order of the teacher's probability, `[..., k]`; any id where masked.
        logprobs: their log-probabilities at the teacher's temperature, `[..., k]`; −inf, or anything, where masked.
        mask: which entries there are, `[..., k]`.
        log_tail: log of the mass of all ids that were not sent, `[...]`; −inf where nothing is left.
        label_logprob: the teacher's log-probability of the label at temperature 1, `[...]`; for "slim" and own text.
        weights: the target's share that each drawn entry stands for, `[..., k]`; for losses on draws alone.
        logits: the kept entries' raw logits over the teacher's temperature, `[..., k]`; for "mse_logits" alone.
        taid_lambda: λ in (0, 1], `[...]`; for "taid" alone.
        own_text: whether the label is a token of a text that the student wrote, `[...]`; for losses with `own_text`, as all that follow.
        policy_proposal_logprob: log-probability of the label by the distribution that it was drawn from, `[...]`; anything on data.
        policy_old_logprob: by the student that drew, `[...]`; for a clipped ratio alone.
        policy_advantage: its advantage, `[...]`; for a clipped ratio alone.
        tail_error: absolute error of the mass that `log_tail` states, as the teacher says; 0 for one that sums all of its logits.
        vocabulary_size: ids that the rows' distributions cover; 0 where nobody said.
    """

    token_ids: Tensor
    logprobs: Tensor
    mask: Tensor
    log_tail: Tensor
    label_logprob: Tensor | None = None
    weights: Tensor | None = None
    logits: Tensor | None = None
    taid_lambda: Tensor | None = None
    own_text: Tensor | None = None
    policy_proposal_logprob: Tensor | None = None
    policy_old_logprob: Tensor | None = None
    policy_advantage: Tensor | None = None
    tail_error: float = 0.0
    vocabulary_size: int = 0

    def __post_init__(self) -> None:
        entries = self.token_ids.shape
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, Tensor):
                continue
            by_entry = field.name in ("token_ids", "logprobs", "mask", "weights", "logits")
            expected = entries if by_entry else entries[:-1]
            if value.shape != expected:
                raise ValueError(f"{field.name}: shape {list(value.shape)} (expected: {list(expected)})")

    def map(self, function) -> SparseTargets:
        """The same with a function applied to each tensor."""
        present = {f.name: getattr(self, f.name) for f in fields(self) if isinstance(getattr(self, f.name), Tensor)}
        return replace(self, **{name: function(value) for name, value in present.items()})

    def flatten(self) -> SparseTargets:
        """One row a position, `[positions, k]` and `[positions]`."""
        lead = self.log_tail.dim()
        return self.map(lambda value: value.flatten(0, lead - 1) if lead else value.unsqueeze(0))

    def to(self, device: torch.device | str, non_blocking: bool = False) -> SparseTargets:
        """The same on another device."""
        return self.map(lambda value: value.to(device, non_blocking=non_blocking))


class Rows:
    """A chunk of rows in the precision of the sums, as the treatments and divergences see them. Columns are `[rows, 1]`."""

    def __init__(self, targets: SparseTargets, labels: Tensor, weights: tuple[Tensor, ...], dtype: torch.dtype):
        data_weight, weight = weights[:2]
        self._targets = targets
        self.log_t = torch.where(targets.mask, targets.logprobs.to(dtype), -torch.inf)
        self.kept = self.log_t > -torch.inf
        #: Where the first kept entry of each row stands, which stands in, with nothing to add, where there is none.
        self.first = self.kept.to(torch.uint8).argmax(-1, keepdim=True)
        self.ids = torch.where(self.kept, targets.token_ids, targets.token_ids.gather(-1, self.first))
        self.ids = torch.where(self.kept.any(-1, keepdim=True), self.ids, 0)
        self.log_tail = targets.log_tail.to(dtype).unsqueeze(-1)
        self.has_label = (labels >= 0).unsqueeze(-1)
        self.labels = labels.clamp(min=0).unsqueeze(-1)
        self.data_weight = data_weight.to(dtype).unsqueeze(-1)
        self.weight = torch.where(self.kept.any(-1, keepdim=True), weight.to(dtype).unsqueeze(-1), 0)
        #: The weight of the policy's term, where there is one.
        self.policy_weight = weights[2].to(dtype).unsqueeze(-1) if len(weights) > 2 else torch.zeros_like(self.data_weight)
        #: How much of the softmax the cross-entropy on the labels wants in the gradient, set where both losses share one softmax.
        self.data = torch.zeros_like(self.data_weight)
        #: The factor of the divergence's gradient.
        self.slope = self.weight
        self.student_label_logprob = self.log_tail

    def column(self, name: str, like: Tensor) -> Tensor:
        """A number of each row; refuses targets without it."""
        return self.require(name).to(like.dtype).unsqueeze(-1)

    def entries(self, name: str, like: Tensor) -> Tensor:
        """A number of each entry, 0 where there is none; refuses targets without it."""
        return torch.where(self.kept, self.require(name).to(like.dtype), 0)

    def own_text(self) -> Tensor:
        """Which rows are of text that the student wrote; refuses targets that do not say."""
        return self.require("own_text").unsqueeze(-1) > 0

    def require(self, name: str) -> Tensor:
        value = getattr(self._targets, name)
        if value is None:
            raise ValueError(f"targets without {name} (expected: with it, for this loss)")
        return value
