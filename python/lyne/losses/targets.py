"""What is made of the mass that was not sent. Each treatment gives a row's divergence `[rows, 1]`, and turns the student's softmax, in
place, into the gradient of the logits.

For buckets with masses T and S and h = ∂D/∂S, the gradient of a logit is s_j (h_b(j) − Σ S h). Off the kept ids K every id of a row
shares one number, so the softmax is scaled in place and mended on K: hardly more passes over the vocabulary than cross-entropy makes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lyne.losses.divergence import DIVERGENCES, Terms

if TYPE_CHECKING:
    from lyne.losses.names import DistillationLoss
    from lyne.losses.rows import Rows

#: A divergence with its number, on t, log t, s, log s.
Bound = Callable[[Tensor, Tensor, Tensor, Tensor], Terms]
Treatment = Callable[[Tensor, Tensor, Tensor, "Rows", Bound], Tensor]

#: A teacher's tail of nothing, where ids are left, would make losses infinite: its least logarithm.
_LEAST_LOG_TAIL = -69.0

#: Below this, a student's tail leaves the range of a float and is made by a log-sum-exp.
_LEAST_TAIL = 1e-30


def treat(loss: DistillationLoss, z: Tensor, s: Tensor, log_sum_exp: Tensor, rows: Rows) -> Tensor:
    """The divergences of rows with logits z over the temperature and softmax s `[rows, V]`, which becomes the gradient."""
    bound = _bind(loss.loss, loss.parameter, rows)
    own = loss.own_text
    if own is not None and own.loss is not None and (own.loss, own.parameter) != (loss.loss, loss.parameter):
        bound = _by_text(_bind(own.loss, own.parameter, rows), bound, rows.own_text())
    return _TREATMENTS[loss.target](z, s, log_sum_exp, rows, bound)


def _bind(name: str, parameter: float | None, rows: Rows) -> Bound:
    divergence = DIVERGENCES[name]
    number = parameter if parameter is not None else 0.0
    return lambda t, log_t, s, log_s: divergence(t, log_t, s, log_s, rows, number)


def _by_text(on_own: Bound, on_data: Bound, own: Tensor) -> Bound:
    """One divergence on the student's own text, another on data."""

    def chosen(t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor) -> Terms:
        terms, sh = on_data(t, log_t, s, log_s)
        own_terms, own_sh = on_own(t, log_t, s, log_s)
        return torch.where(own, own_terms, terms), torch.where(own, own_sh, sh)

    return chosen


def _mend(s: Tensor, ids: Tensor, s_kept: Tensor, on: Tensor, off: Tensor, rows: Rows) -> None:
    """The gradient: `on` [rows, k] on the kept ids, `off` [rows, 1] times s elsewhere, and what the cross-entropy on the labels wants."""
    s.mul_(rows.data + torch.where(rows.slope > 0, rows.slope * off, 0))
    _mend_kept(s, ids, s_kept, on, rows)


def _mend_kept(s: Tensor, ids: Tensor, s_kept: Tensor, on: Tensor, rows: Rows) -> None:
    # Ids that stand in write what the first one writes.
    counted = rows.kept & (rows.slope > 0)
    mended = rows.data * s_kept + torch.where(counted, rows.slope * on, 0)
    s.scatter_(-1, ids, torch.where(rows.kept, mended, mended.gather(-1, rows.first)))


def _kept_alone(t: Tensor, log_t: Tensor, log_s: Tensor, rows: Rows, divergence: Bound) -> Terms:
    """The loss of the kept ids without a tail bucket [rows, 1], and S·h of each [rows, k]."""
    terms, sh = divergence(t, log_t, torch.where(rows.kept, log_s.exp(), 0), log_s)
    return torch.where(rows.kept, terms, 0).sum(-1, keepdim=True), torch.where(rows.kept, sh, 0)


def _on_kept(z: Tensor, s: Tensor, lse: Tensor, rows: Rows, divergence: Bound, ids: Tensor, t: Tensor, log_t: Tensor) -> Tensor:
    """A target on the kept ids alone, the student's distribution as it is."""
    s_kept = s.gather(-1, ids)
    value, sh = _kept_alone(t, log_t, z.gather(-1, ids) - lse, rows, divergence)
    c = sh.sum(-1, keepdim=True)
    _mend(s, ids, s_kept, sh - s_kept * c, -c, rows)
    return value


def tail_bucket(z: Tensor, s: Tensor, lse: Tensor, rows: Rows, divergence: Bound) -> Tensor:
    """All that was not sent is one bucket. On a kept id the gradient is S·h − s·c, elsewhere s(h_R − c), c = Σ S·h."""
    ids = rows.ids
    log_s = z.gather(-1, ids) - lse
    s_kept = s.gather(-1, ids)
    s.scatter_(-1, ids, 0)
    # The student's tail is a sum of what is left, never 1 minus a sum.
    s_tail = s.sum(-1, keepdim=True)
    log_s_tail = s_tail.log()
    rest = rows.kept.sum(-1, keepdim=True) < z.shape[1]
    deep = rest & (s_tail < _LEAST_TAIL)
    if bool(deep.any()):
        # Those rows hold the softmax of the tail itself instead.
        at = deep.flatten().nonzero().flatten()
        tails = z[at].scatter_(-1, ids[at], -torch.inf)
        log_s_tail[at] = torch.logsumexp(tails, -1, keepdim=True) - lse[at]
        s[at] = torch.softmax(tails, -1)
    live = torch.cat([rows.kept, rest], -1)
    log_t = torch.where(live, torch.cat([rows.log_t, rows.log_tail.clamp(min=_LEAST_LOG_TAIL)], -1), -torch.inf)
    log_b = torch.where(live, torch.cat([log_s, log_s_tail], -1), 0)
    terms, sh = divergence(log_t.exp(), log_t, torch.where(live, log_b.exp(), 0), log_b)
    sh = torch.where(live, sh, 0)
    c = sh.sum(-1, keepdim=True)
    share = sh[:, -1:]
    off = torch.where(deep, share, torch.where(rest, share / s_tail - c, 0))
    data = torch.where(deep, 0, rows.data)
    s.mul_(data + torch.where(rows.slope > 0, rows.slope * off, 0))
    _mend_kept(s, ids, s_kept, sh[:, :-1] - s_kept * c, rows)
    return torch.where(live, terms, 0).sum(-1, keepdim=True)


def renormalised(z: Tensor, s: Tensor, lse: Tensor, rows: Rows, divergence: Bound) -> Tensor:
    """The teacher's kept probabilities over their sum, 0 elsewhere; the student's as they are."""
    log_t = rows.log_t - torch.logsumexp(rows.log_t, -1, keepdim=True)
    return _on_kept(z, s, lse, rows, divergence, rows.ids, log_t.exp(), log_t)


def zero(z: Tensor, s: Tensor, lse: Tensor, rows: Rows, divergence: Bound) -> Tensor:
    """The teacher's kept probabilities as they are, 0 elsewhere: they may sum to less than 1."""
    return _on_kept(z, s, lse, rows, divergence, rows.ids, rows.log_t.exp(), rows.log_t)


def draws(z: Tensor, s: Tensor, lse: Tensor, rows: Rows, divergence: Bound) -> Tensor:
    """Shares of draws stand for the whole distribution, arXiv 2503.16870; logarithms are of the teacher's probabilities."""
    return _on_kept(z, s, lse, rows, divergence, rows.ids, rows.entries("weights", z), rows.log_t)


def both_renormalised(z: Tensor, s: Tensor, lse: Tensor, rows: Rows, divergence: Bound) -> Tensor:
    """Both distributions over the kept ids alone: nothing is said of the others, whose gradient is 0."""
    log_t = rows.log_t - torch.logsumexp(rows.log_t, -1, keepdim=True)
    z_kept = z.gather(-1, rows.ids)
    log_s = z_kept - torch.logsumexp(torch.where(rows.kept, z_kept, -torch.inf), -1, keepdim=True)
    value, sh = _kept_alone(log_t.exp(), log_t, torch.where(rows.kept, log_s, 0), rows, divergence)
    on = sh - log_s.exp() * sh.sum(-1, keepdim=True)
    _mend(s, rows.ids, s.gather(-1, rows.ids), on, torch.zeros_like(value), rows)
    return value


def uniform(z: Tensor, s: Tensor, lse: Tensor, rows: Rows, divergence: Bound) -> Tensor:
    """The tail mass spread evenly over the ids that were not sent, u each: their loss needs the sum of their logits only, and
    their gradient is m·s − u, where m is the whole target."""
    ids, kept = rows.ids, rows.kept
    z_kept = z.gather(-1, ids)
    others = (z.shape[1] - kept.sum(-1, keepdim=True)).to(z.dtype)
    rest = others > 0
    count = others.clamp(min=1)
    mean = (z.sum(-1, keepdim=True) - torch.where(kept, z_kept, 0).sum(-1, keepdim=True)) / count
    live = torch.cat([kept, rest], -1)
    log_tail = torch.where(rest, rows.log_tail.clamp(min=_LEAST_LOG_TAIL), -torch.inf)
    t = torch.cat([rows.log_t.exp(), log_tail.exp()], -1)
    log_t = torch.cat([rows.log_t, log_tail - count.log()], -1)
    log_s = torch.cat([z_kept, mean], -1) - lse
    terms, sh = divergence(t, log_t, torch.where(live, log_s.exp(), 0), log_s)
    sh = torch.where(live, sh, 0)
    c = sh.sum(-1, keepdim=True)
    s_kept = s.gather(-1, ids)
    shift = torch.where(rows.slope > 0, rows.slope * sh[:, -1:] / count, 0)
    s.mul_(rows.data + torch.where(rows.slope > 0, rows.slope * -c, 0)).add_(shift)
    _mend_kept(s, ids, s_kept, sh[:, :-1] - s_kept * c, rows)
    return torch.where(live, terms, 0).sum(-1, keepdim=True)


def residual_to_gold(z: Tensor, s: Tensor, lse: Tensor, rows: Rows, divergence: Bound) -> Tensor:
    """The tail mass on the label: added to its own where that was sent, a bucket of its own where it was not."""
    kept, labels, log_tail = rows.kept, rows.labels, rows.log_tail
    gold = kept & (rows.ids == labels)
    log_t = torch.where(gold, torch.logaddexp(rows.log_t, log_tail), rows.log_t)
    apart = ~gold.any(-1, keepdim=True) & (log_tail > -torch.inf)
    rows.kept = torch.cat([kept, apart], -1)
    ids = torch.cat([rows.ids, torch.where(apart, labels, rows.ids.gather(-1, rows.first))], -1)
    log_t = torch.cat([log_t, torch.where(apart, log_tail, -torch.inf)], -1)
    return _on_kept(z, s, lse, rows, divergence, ids, log_t.exp(), log_t)


def raw_logits(z: Tensor, s: Tensor, lse: Tensor, rows: Rows, divergence: Bound) -> Tensor:
    """Logits of the kept ids, both sides centred on them; the mean over them. Nothing is said of the others."""
    kept = rows.kept
    count = kept.sum(-1, keepdim=True).clamp(min=1).to(z.dtype)

    def centred(values: Tensor) -> Tensor:
        return torch.where(kept, values - values.sum(-1, keepdim=True) / count, 0)

    teacher = centred(rows.entries("logits", z))
    student = centred(torch.where(kept, z.gather(-1, rows.ids), 0))
    terms, slopes = divergence(teacher, teacher, student, student)
    on = centred(torch.where(kept, slopes / count, 0))
    _mend(s, rows.ids, s.gather(-1, rows.ids), on, torch.zeros_like(count), rows)
    return torch.where(kept, terms, 0).sum(-1, keepdim=True) / count


_TREATMENTS: dict[str, Treatment] = {
    function.__name__: function
    for function in (tail_bucket, renormalised, zero, draws, both_renormalised, uniform, residual_to_gold, raw_logits)
}
