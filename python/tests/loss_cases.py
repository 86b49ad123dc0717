"""Every valid loss, random rows for it, and each loss once more: straight from its definition, differentiated by autograd."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from lyne.losses import (
    LOSSES,
    MISSING_MASS,
    ClippedRatio,
    DistillationLoss,
    ForwardEstimator,
    NoPolicy,
    OwnText,
    Policy,
    SparseTargets,
    SquaredLogRatio,
)

_NUMBERS: dict[str, tuple[float | None, ...]] = {
    "jsd": (0.5, 0.2, 0.0, 1.0),
    "skew_forward_kl": (0.1, 0.6, 0.0),
    "skew_reverse_kl": (0.1, 0.6, 0.0),
    "slim": (1.0, -1.0),
    "akl": (0.5, 1.0),
    "decoupled_top_k": (1.0, 2.0),
    "decoupled_top_k_unweighted": (1.0, 0.5),
}

#: The terms of drawn tokens, with the ends of what they take.
POLICIES: tuple[Policy, ...] = (
    NoPolicy(),
    SquaredLogRatio(),
    ForwardEstimator(),
    ClippedRatio(),
    ClippedRatio(0.2, weight_inside=True),
    ClippedRatio(0.2, divergence_weighted=True),
    ClippedRatio(0.1, weight_inside=True, divergence_weighted=True),
)


def valid_losses() -> list[DistillationLoss]:
    """Every pair that is not refused, with the ends and the middle of a loss's number."""
    found = []
    for loss, missing, drawn in itertools.product(LOSSES, (None, *MISSING_MASS), (False, True)):
        for number in _NUMBERS.get(loss, (None,)):
            try:
                found.append(DistillationLoss(loss, missing, number, drawn))
            except ValueError:
                continue
    return list(dict.fromkeys(found))


def at_temperature(loss: DistillationLoss, temperature: float, squared: bool) -> DistillationLoss:
    return replace(loss, student_temperature=temperature, temperature_squared=squared)


def own_text_losses() -> list[DistillationLoss]:
    """Losses on own text beside data: every policy, with the same divergence and with another, at temperature 1 and at another."""
    on_data = (
        (DistillationLoss("forward_kl"), OwnText()),
        (DistillationLoss("forward_kl"), OwnText("reverse_kl")),
        (DistillationLoss("skew_forward_kl", parameter=0.2), OwnText("skew_reverse_kl", 0.3)),
        (DistillationLoss("jsd", "both_renormalised", 0.9), OwnText("akl")),
        (DistillationLoss("soft_cross_entropy", "residual_to_gold"), OwnText("slim", -1.0)),
        (DistillationLoss("random_sampling", drawn=True), OwnText("forward_kl")),
    )
    found = []
    for (loss, own), policy, (tau, squared) in itertools.product(on_data, POLICIES, ((1.0, True), (2.0, False))):
        found.append(replace(loss, own_text=replace(own, policy=policy), student_temperature=tau, temperature_squared=squared))
    return found


def name_of(loss: DistillationLoss) -> str:
    own = "" if loss.own_text is None else f"-own-{loss.own_text.loss}-{loss.own_text.policy}"
    return f"{loss.loss}-{loss.target}-{loss.parameter}-{loss.student_temperature}{own}"


@dataclass
class Case:
    """Rows of a small problem in 64 bits."""

    hidden: Tensor
    weight: Tensor
    targets: SparseTargets
    labels: Tensor
    data_weight: Tensor
    row_weight: Tensor
    policy_weight: Tensor = field(default_factory=lambda: torch.zeros(0))

    def weights(self, loss: DistillationLoss) -> tuple[Tensor, ...]:
        """The weights of rows; with own text, data weighs nothing on it."""
        if loss.own_text is None:
            return self.data_weight, self.row_weight
        return torch.where(self.targets.own_text > 0, 0, self.data_weight), self.row_weight, self.policy_weight

    @staticmethod
    def random(seed: int, rows: int = 9, vocabulary: int = 13, width: int = 5, stride: int = 7, drawn: bool = False) -> Case:
        g = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=g, dtype=torch.float64)

        teacher = torch.log_softmax(normal(rows, vocabulary) * 1.5, -1)
        counts = torch.randint(1, stride + 1, (rows,), generator=g)
        counts[0], counts[1] = stride, 0  # a full row, and one that keeps nothing
        order = teacher.argsort(-1, descending=True)
        kept_ids = order[:, :stride].clone()
        mask = torch.arange(stride) < counts[:, None]
        logprobs = teacher.gather(-1, kept_ids)
        # What the masked places hold must not matter.
        kept_ids[~mask] = torch.randint(0, vocabulary, (int((~mask).sum()),), generator=g)
        logprobs[~mask] = 7.0
        inside = torch.zeros(rows, vocabulary, dtype=torch.bool)
        for row in range(rows):
            inside[row, kept_ids[row][mask[row]]] = True
        log_tail = torch.where(inside, -math.inf, teacher).logsumexp(-1)
        labels = torch.randint(0, vocabulary, (rows,), generator=g)
        shares = torch.where(mask, torch.rand(rows, stride, generator=g, dtype=torch.float64), 0)
        targets = SparseTargets(
            kept_ids,
            logprobs,
            mask,
            log_tail,
            label_logprob=teacher.gather(-1, labels[:, None]).squeeze(-1),
            weights=shares / shares.sum(-1, keepdim=True).clamp(min=1e-9) if drawn else None,
            logits=normal(rows, stride),
            taid_lambda=torch.full((rows,), 0.4, dtype=torch.float64),
            own_text=(torch.arange(rows) % 3 != 1).to(torch.float64),
            policy_proposal_logprob=-3 * torch.rand(rows, generator=g, dtype=torch.float64),
            policy_old_logprob=-3 * torch.rand(rows, generator=g, dtype=torch.float64),
            policy_advantage=normal(rows),
        )
        row_weight = torch.rand(rows, generator=g, dtype=torch.float64) + 0.1
        row_weight[2] = 0
        data_weight = torch.rand(rows, generator=g, dtype=torch.float64)
        data_weight[3] = 0
        policy_weight = torch.rand(rows, generator=g, dtype=torch.float64)
        policy_weight[3] = 0
        return Case(normal(rows, width), normal(vocabulary, width), targets, labels, data_weight, row_weight, policy_weight)


def defined(loss: DistillationLoss, case: Case, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The three sums over rows from distributions that are spelled out; what no gradient flows through is detached."""
    tau = loss.student_temperature
    minimised, nll, divergence = (logits.new_zeros(()) for _ in range(3))
    for row in range(logits.shape[0]):
        cross_entropy = -torch.log_softmax(logits[row], -1)[case.labels[row]]
        nll = nll + cross_entropy
        minimised = minimised + case.data_weight[row] * cross_entropy
        if case.row_weight[row] == 0 or not case.targets.mask[row].any():
            continue
        d = _row(loss, case, row, logits[row])
        divergence = divergence + d
        minimised = minimised + case.row_weight[row] * d * (tau * tau if loss.temperature_squared else 1)
    return minimised, nll, divergence


def _row(loss: DistillationLoss, case: Case, row: int, logits: Tensor) -> Tensor:
    targets, label = case.targets, int(case.labels[row])
    mask = targets.mask[row]
    ids = targets.token_ids[row][mask]
    log_t = targets.logprobs[row][mask]
    z = logits / loss.student_temperature
    log_s = torch.log_softmax(z, -1)
    if loss.needs_logits:
        teacher = targets.logits[row][mask]
        return (((z[ids] - z[ids].mean()) - (teacher - teacher.mean())) ** 2).mean()
    if loss.drawn:
        shares = targets.weights[row][mask]
        own = log_t if loss.loss == "forward_kl" else 0.0
        return (shares * (own - log_s[ids])).sum()
    t, s = _distributions(loss, ids, log_t.exp(), targets.log_tail[row].exp(), log_s.exp(), label)
    value = _divergence(loss, t, s, float(targets.taid_lambda[row]), len(t) > len(ids))
    if loss.loss == "slim":
        t_y = targets.label_logprob[row].exp()
        s_y = torch.softmax(logits, -1)[label].detach().clamp(min=1e-9)
        value = value * (1 - torch.exp(-(t_y / s_y if loss.parameter > 0 else s_y / t_y)))
    return value


def _distributions(loss: DistillationLoss, ids: Tensor, kept: Tensor, tail: Tensor, s: Tensor, label: int) -> tuple[Tensor, Tensor]:
    vocabulary, missing = s.shape[0], loss.missing_mass
    if missing == "both_renormalised":
        return kept / kept.sum(), s[ids] / s[ids].sum()
    off = torch.ones(vocabulary, dtype=torch.bool)
    off[ids] = False
    if missing == "tail_bucket":
        if not off.any():
            return kept, s[ids]
        return torch.cat([kept, tail[None]]), torch.cat([s[ids], s[off].sum()[None]])
    t = torch.zeros_like(s)
    if missing == "uniform":
        t[off] = tail / off.sum()
    t[ids] = kept / kept.sum() if missing == "renormalised" else kept
    if missing == "residual_to_gold":
        t[label] += tail
    return t, s


def _kl(p: Tensor, q: Tensor) -> Tensor:
    on = p > 0
    return (p[on] * (p[on] / q[on]).log()).sum()


def _decoupled(t: Tensor, s: Tensor, weighted: bool, temperature: float, whole: bool) -> Tensor:
    """KL of (kept mass, tail), plus a · KL within the kept ids at a temperature; the last bucket is the tail unless all is kept."""
    kept_t, kept_s = (t, s) if whole else (t[:-1], s[:-1])
    masses = [(kept_t.sum(), kept_s.sum())] + ([] if whole else [(t[-1], s[-1])])
    outer = sum(a * (a / b).log() for a, b in masses)
    p, q = (torch.softmax(x.log() / temperature, -1) for x in (kept_t, kept_s))
    return outer + (masses[0][0] if weighted else 1) * _kl(p, q)


def _divergence(loss: DistillationLoss, t: Tensor, s: Tensor, share: float, tail: bool) -> Tensor:
    number = loss.parameter
    match loss.loss:
        case "forward_kl":
            return _kl(t, s)
        case "reverse_kl":
            return _kl(s, t)
        case "jsd":
            if number in (0, 1):
                return _kl(t, s) if number == 0 else _kl(s, t)
            m = number * t + (1 - number) * s
            return number * _kl(t, m) + (1 - number) * _kl(s, m)
        case "skew_forward_kl":
            return _kl(t, number * t + (1 - number) * s)
        case "skew_reverse_kl":
            return _kl(s, (1 - number) * t + number * s)
        case "total_variation":
            return (t - s).abs().sum() / 2
        case "soft_cross_entropy" | "slim":
            on = t > 0
            return -(t[on] * s[on].log()).sum()
        case "akl":
            gap = (t - s).abs().detach()
            head = t.cumsum(0) <= number + 1e-6 if number < 1 else torch.ones_like(t, dtype=torch.bool)
            head[0] = True
            if gap.sum() == 0:
                return 0 * s.sum()
            forward = gap[head].sum() / gap.sum()
            return forward * _kl(t, s) + (1 - forward) * _kl(s, t)
        case "decoupled_top_k" | "decoupled_top_k_unweighted":
            return _decoupled(t, s, loss.loss == "decoupled_top_k", number, not tail)
        case "taid":
            p = s.detach() ** (1 - share) * t**share
            return _kl(p / p.sum(), s)
    raise AssertionError(loss.loss)
