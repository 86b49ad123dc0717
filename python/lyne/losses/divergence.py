"""The loss of two distributions over buckets: of each bucket its term of the sum, and S·h, where h is the derivative by S.

t and s are the teacher's and the student's masses `[rows, buckets]`, log_t and log_s their logarithms. The gradient of a row's logits
follows from S·h alone (lyne.losses.targets).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from lyne.losses.rows import Rows

Terms = tuple[Tensor, Tensor]
Divergence = Callable[[Tensor, Tensor, Tensor, Tensor, "Rows", float], Terms]

#: The student's probability of a label is taken to be no less: log 1e-9.
_LEAST_LOG_PROBABILITY = -20.72326583694641


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def forward_kl(t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, rows: Rows, number: float) -> Terms:
    """KL(t‖s): T log(T/S), h = −T/S."""
    return t * (log_t - log_s), -t


def reverse_kl(t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, rows: Rows, number: float) -> Terms:
    """KL(s‖t): S log(S/T), h = log(S/T) up to a constant that every bucket shares and that cancels."""
    term = s * (log_s - log_t)
    return term, term


def jsd(t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, rows: Rows, number: float) -> Terms:
    """Generalised Jensen-Shannon divergence, M = βT + (1 − β)S, arXiv 2306.13649; at β = 0 and 1 the two KLs themselves."""
    if number in (0, 1):
        return (forward_kl if number == 0 else reverse_kl)(t, log_t, s, log_s, rows, number)
    log_m = torch.logaddexp(log_t + _log(number), log_s + _log(1 - number))
    part = (1 - number) * s * (log_s - log_m)
    return number * t * (log_t - log_m) + part, part


def skew_forward_kl(t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, rows: Rows, number: float) -> Terms:
    """KL(t‖M), M = αT + (1 − α)S, arXiv 2402.03898: h = −(1 − α) T/M."""
    log_m = torch.logaddexp(log_t + _log(number), log_s + _log(1 - number))
    return t * (log_t - log_m), (number - 1) * t * (log_s - log_m).exp()


def skew_reverse_kl(t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, rows: Rows, number: float) -> Terms:
    """KL(s‖M), M = (1 − α)T + αS, arXiv 2402.03898: h = log(S/M) + 1 − αS/M."""
    log_m = torch.logaddexp(log_t + _log(1 - number), log_s + _log(number))
    ratio = log_s - log_m
    return s * ratio, s * (ratio + 1 - number * ratio.exp())


def total_variation(t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, rows: Rows, number: float) -> Terms:
    """½ Σ |T − S|: h = ½ sign(S − T)."""
    return 0.5 * (t - s).abs(), 0.5 * s * torch.sign(s - t)


def soft_cross_entropy(t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, rows: Rows, number: float) -> Terms:
    """−Σ T log S: h = −T/S."""
    return -t * log_s, -t


def mse_logits(t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, rows: Rows, number: float) -> Terms:
    """Squared difference of centred logits, t the teacher's and s the student's, and its slope by the student's logit."""
    difference = s - t
    return difference * difference, 2 * difference


def akl(t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, rows: Rows, number: float) -> Terms:
    """Forward KL weighted by the gap |T − S| in the teacher's head, reverse KL by the gap outside it, arXiv 2404.02657.

    The head goes, in the teacher's order, as far as the cumulative probability is at most `number`, but for rounding; the first id is in
    it in any case, and a head of 1 is all of it. No gradient flows through the weights.
    """
    gap = (t - s).abs()
    head = t.cumsum(-1) <= (number + 1e-6 if number < 1 else 2.0)
    head[:, 0] = True
    whole = gap.sum(-1, keepdim=True)
    forward = torch.where(whole > 0, torch.where(head, gap, 0).sum(-1, keepdim=True) / whole, 0)
    backward = torch.where(whole > 0, 1 - forward, 0)
    reverse = s * (log_s - log_t)
    return forward * t * (log_t - log_s) + backward * reverse, backward * reverse - forward * t


def taid(t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, rows: Rows, number: float) -> Terms:
    """KL(p‖s), p ∝ S^(1−λ) T^λ, through which no gradient flows, arXiv 2501.16937; λ in (0, 1] by row."""
    share = rows.column("taid_lambda", s)
    log_p = torch.where(log_t > -math.inf, (1 - share) * log_s + share * log_t, -math.inf)
    log_p = log_p - torch.logsumexp(log_p, -1, keepdim=True)
    p = log_p.exp()
    return p * (log_p - log_s), -p


def slim(t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, rows: Rows, number: float) -> Terms:
    """Soft cross-entropy, weighted by row with 1 − exp(−r), r = t_y/s_y of the label where `number` is 1, s_y/t_y where it is −1
    (Raman et al. 2023). No gradient flows through the weight."""
    student = rows.student_label_logprob.clamp(min=_LEAST_LOG_PROBABILITY)
    weight = -torch.expm1(-(number * (rows.column("label_logprob", s) - student)).exp())
    return -weight * t * log_s, -weight * t


def decoupled_top_k(t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, rows: Rows, number: float) -> Terms:
    """KL of the masses of kept ids and tail, plus KL within the kept ids, both sides renormalised at temperature `number`, weighted by
    the teacher's kept mass a (LFM2, arXiv 2511.23404); the tail is the last bucket."""
    return _decoupled(t, log_t, log_s, number, True)


def decoupled_top_k_unweighted(t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, rows: Rows, number: float) -> Terms:
    """The same with weight 1 in the place of a."""
    return _decoupled(t, log_t, log_s, number, False)


def _decoupled(t: Tensor, log_t: Tensor, log_s: Tensor, temperature: float, weighted: bool) -> Terms:
    """With weight a and temperature 1 the chain rule makes it the forward KL of the buckets. S·h: −a S_b/S_K + w (q − p)/temperature on
    kept ids, −t_R on the tail."""
    kept = log_t[:, :-1] > -torch.inf
    kept_t = torch.where(kept, log_t[:, :-1], -torch.inf)
    kept_s = torch.where(kept, log_s[:, :-1], -torch.inf)
    log_a = torch.logsumexp(kept_t, -1, keepdim=True)
    log_mass = torch.logsumexp(kept_s, -1, keepdim=True)
    a = log_a.exp()
    log_p = torch.where(kept, torch.log_softmax(kept_t / temperature, -1), 0)
    log_q = torch.where(kept, torch.log_softmax(kept_s / temperature, -1), 0)
    p = torch.where(kept, log_p.exp(), 0)
    q = torch.where(kept, log_q.exp(), 0)
    weight = a if weighted else torch.ones_like(a)
    within = weight * p * (log_p - log_q) + t[:, :-1] * (log_a - log_mass)
    beyond = t[:, -1:] * (log_t[:, -1:] - log_s[:, -1:])
    on = weight / temperature * (q - p) - a * (kept_s - log_mass).exp()
    return torch.cat([within, beyond], -1), torch.cat([on, -t[:, -1:]], -1)


DIVERGENCES: dict[str, Divergence] = {
    "forward_kl": forward_kl,
    "reverse_kl": reverse_kl,
    "jsd": jsd,
    "skew_forward_kl": skew_forward_kl,
    "skew_reverse_kl": skew_reverse_kl,
    "total_variation": total_variation,
    "soft_cross_entropy": soft_cross_entropy,
    "mse_logits": mse_logits,
    "akl": akl,
    "taid": taid,
    "slim": slim,
    "decoupled_top_k": decoupled_top_k,
    "decoupled_top_k_unweighted": decoupled_top_k_unweighted,
    "random_sampling": soft_cross_entropy,
}
