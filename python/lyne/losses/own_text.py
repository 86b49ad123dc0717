"""What is minimised on text that the student wrote, alone or with the teacher: a divergence on the teacher's rows, and a term of the
drawn tokens' own log-probabilities (docs/on-policy.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    from lyne.losses.rows import Rows

__all__ = ["POLICIES", "TERMS", "ClippedRatio", "ForwardEstimator", "NoPolicy", "OwnText", "Policy", "SquaredLogRatio"]

TERMS: tuple[str, ...] = ("policy", "k1", "k2", "k3", "clipped")
"""Sums over rows of own text whose policy weight is above 0: the policy's value; the estimators k1, k2 and k3 of KL(s‖t), nats, each
weighed by s/p of the distribution p that the token was drawn from; rows whose ratio is clipped."""

#: Bound of a log-ratio, which keeps a step of a changed student finite.
_MOST_LOG_RATIO = 60.0

#: A policy's value, its slope by −log s, the factor of the row's divergence, and what is counted in "clipped"; all `[rows, 1]`.
Term = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class NoPolicy:
    """No term: the divergence alone teaches, as in GKD (arXiv 2306.13649)."""

    key: ClassVar[str] = "none"

    def term(self, log_s: Tensor, log_t: Tensor, rows: Rows) -> Term:
        nothing = torch.zeros_like(log_s)
        return nothing, nothing, torch.ones_like(log_s), nothing


@dataclass(frozen=True)
class SquaredLogRatio:
    """k2 = (log t − log s)²/2, differentiated; the mean of its gradient over draws from s is that of KL(s‖t)."""

    key: ClassVar[str] = "k2"

    def term(self, log_s: Tensor, log_t: Tensor, rows: Rows) -> Term:
        d = log_t - log_s
        return d.square() * 0.5, d, torch.ones_like(d), torch.zeros_like(d)


@dataclass(frozen=True)
class ForwardEstimator:
    """k3 = t/s − 1 − log(t/s), differentiated; the mean of its gradient over draws from s is that of KL(t‖s): forward KL."""

    key: ClassVar[str] = "k3"

    def term(self, log_s: Tensor, log_t: Tensor, rows: Rows) -> Term:
        d = log_t - log_s
        return torch.expm1(d) - d, torch.expm1(d), torch.ones_like(d), torch.zeros_like(d)


@dataclass(frozen=True)
class ClippedRatio:
    """max(−A r, −A clip(r)), r = s/s_old clipped to 1 ± clip (PPO, arXiv 1707.06347, equation 7) of an advantage A, times w = s_old/p
    of the distribution p that the token was drawn from. Reads `policy_advantage`, `policy_old_logprob` and `policy_proposal_logprob`.

    Attributes:
        clip: above 0; infinite: the ratio is never clipped.
        weight_inside: whether r·w is what is clipped, as MiniLLM's official code does, and not r.
        divergence_weighted: whether a row's divergence counts s/p times, as in MiniLLM's paper (arXiv 2306.08543).
    """

    clip: float = math.inf
    weight_inside: bool = False
    divergence_weighted: bool = False

    key: ClassVar[str] = "clipped_ratio"

    def __post_init__(self) -> None:
        if not self.clip > 0:
            raise ValueError(f"ratio_clip: {self.clip} (expected: above 0)")

    def term(self, log_s: Tensor, log_t: Tensor, rows: Rows) -> Term:
        advantage = rows.column("policy_advantage", log_s)
        old = rows.column("policy_old_logprob", log_s)
        proposal = rows.column("policy_proposal_logprob", log_s)
        corrected = _ratio(log_s - proposal)
        ratio = corrected if self.weight_inside else _ratio(log_s - old)
        outside = torch.ones_like(old) if self.weight_inside else (old - proposal).exp()
        whole = -advantage * ratio
        held = -advantage * ratio.clamp(1 - self.clip, 1 + self.clip)
        clipped = held > whole
        slope = torch.where(clipped, 0, -whole) * outside
        factor = corrected if self.divergence_weighted else torch.ones_like(corrected)
        return torch.where(clipped, held, whole) * outside, slope, factor, clipped.to(log_s.dtype)


Policy = NoPolicy | SquaredLogRatio | ForwardEstimator | ClippedRatio
"""A term of log s of a token that was drawn."""

POLICIES: tuple[type[Policy], ...] = (NoPolicy, SquaredLogRatio, ForwardEstimator, ClippedRatio)
"""All of them."""


@dataclass(frozen=True)
class OwnText:
    """What is minimised on a student's own text.

    Attributes:
        loss: the divergence on its rows, one of LOSSES; None for that on data.
        parameter: its number; None for its default, or for that on data.
        policy: the term of the drawn tokens.
        single_step: whether the divergence counts.
        corpus_weight: how often data counts in a batch that has own text beside it.
    """

    loss: str | None = None
    parameter: float | None = None
    policy: Policy = NoPolicy()
    single_step: bool = True
    corpus_weight: float = 1.0

    def __post_init__(self) -> None:
        if self.loss is None and self.parameter is not None:
            raise ValueError(f"parameter: {self.parameter} (expected: None where loss is None)")
        if isinstance(self.policy, NoPolicy) and not self.single_step:
            raise ValueError("single_step: False (expected: True with NoPolicy, where nothing else is minimised)")
        if not 0 <= self.corpus_weight < math.inf:
            raise ValueError(f"corpus_weight: {self.corpus_weight} (expected: finite, at least 0)")


def on_labels(own_text: OwnText | None, cross_entropy: Tensor, rows: Rows) -> tuple[Tensor, list[Tensor]]:
    """What is minimised of the labels' own log-probabilities `[rows, 1]`, and sums to report; changes the rows' weights as it says.

    `cross_entropy` is 0 where there is no label.
    """
    if own_text is None:
        return cross_entropy * rows.data_weight, [cross_entropy.sum()]
    own = rows.own_text()
    policy_weight = torch.where(own, rows.policy_weight, 0)
    log_t = rows.column("label_logprob", cross_entropy)
    value, slope, factor, counted = own_text.policy.term(-cross_entropy, log_t, rows)
    learnt = policy_weight > 0
    value = torch.where(learnt, value, 0)
    minimised = cross_entropy * rows.data_weight + policy_weight * value
    rows.data_weight = rows.data_weight + torch.where(learnt, policy_weight * slope, 0)
    rows.weight = torch.where(own, rows.weight * factor, rows.weight)
    d = torch.where(learnt, log_t + cross_entropy, 0)
    w = torch.where(learnt, _ratio(-cross_entropy - rows.column("policy_proposal_logprob", cross_entropy)), 0)
    sums = [torch.where(own, 0, cross_entropy), value, -(w * d), w * d.square() * 0.5, w * (torch.expm1(d) - d)]
    return minimised, [term.sum() for term in (*sums, torch.where(learnt, counted, 0))]


def _ratio(log_ratio: Tensor) -> Tensor:
    return log_ratio.clamp(-_MOST_LOG_RATIO, _MOST_LOG_RATIO).exp()
