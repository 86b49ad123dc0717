"""Which losses there are, what each of them may be combined with, and the refusal of everything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["LOSSES", "MISSING_MASS", "DistillationLoss", "LossParameter"]


@dataclass(frozen=True)
class LossParameter:
    """The number that a loss takes: its name, default and range."""

    name: str
    default: float
    least: float
    most: float


#: What a loss is of the teacher's probabilities, which decides what it may be combined with.
Shape = Literal["linear", "curved", "logits", "draws"]


@dataclass(frozen=True)
class _Kind:
    shape: Shape
    parameter: LossParameter | None = None


MISSING_MASS: tuple[str, ...] = ("tail_bucket", "renormalised", "zero", "both_renormalised", "uniform", "residual_to_gold")
"""The treatments of the teacher's probability that was not sent; the first is the default."""

_TREATMENTS: dict[Shape, tuple[str, ...]] = {
    "linear": MISSING_MASS,
    "curved": ("tail_bucket", "both_renormalised"),
    "logits": (),
    "draws": (),
}

_KINDS: dict[str, _Kind] = {
    "forward_kl": _Kind("linear"),
    "reverse_kl": _Kind("curved"),
    "jsd": _Kind("curved", LossParameter("beta", 0.5, 0, 1)),
    "skew_forward_kl": _Kind("curved", LossParameter("alpha", 0.1, 0, 0.999)),
    "skew_reverse_kl": _Kind("curved", LossParameter("alpha", 0.1, 0, 0.999)),
    "total_variation": _Kind("curved"),
    "soft_cross_entropy": _Kind("linear"),
    "mse_logits": _Kind("logits"),
    "akl": _Kind("curved", LossParameter("head", 0.5, 0, 1)),
    "taid": _Kind("curved"),
    "slim": _Kind("linear", LossParameter("ratio", 1, -1, 1)),
    "random_sampling": _Kind("draws"),
}

LOSSES: tuple[str, ...] = tuple(_KINDS)
"""The names of all losses."""

_ON_DRAWS = ("forward_kl", "soft_cross_entropy", "random_sampling")


@dataclass(frozen=True)
class DistillationLoss:
    """A loss on a teacher's rows, with everything that decides what it is (docs/losses.md).

    Attributes:
        loss: one of LOSSES.
        missing_mass: one of MISSING_MASS; None for the default, or where no mass can be missing.
        parameter: the loss's number; None for its default.
        drawn: whether the targets are shares of draws.
        student_temperature: τ of the student's distribution, above 0.
        temperature_squared: whether D counts τ² times.
        max_tail_error: greatest error of a teacher's tail masses, as it states it, that "reverse_kl" and "akl" are minimised with: an
            engine behind the server does not say what is left of 1.

    Raises:
        ValueError: naming the pair that means nothing and what is expected.
    """

    loss: str = "forward_kl"
    missing_mass: str | None = None
    parameter: float | None = None
    drawn: bool = False
    student_temperature: float = 1.0
    temperature_squared: bool = True
    max_tail_error: float = 1e-5

    def __post_init__(self) -> None:
        kind = _KINDS.get(self.loss)
        if kind is None:
            raise ValueError(f"loss: {self.loss} (expected: {', '.join(LOSSES)})")
        self._require_draws(kind)
        treatments = _TREATMENTS[kind.shape]
        self._require_treatment(treatments)
        self._require_parameter(kind.parameter)
        if not 0 < self.student_temperature < float("inf"):
            raise ValueError(f"student_temperature: {self.student_temperature} (expected: finite, above 0)")
        if not 0 <= self.max_tail_error < 1:
            raise ValueError(f"max_tail_error: {self.max_tail_error} (expected: at least 0, below 1)")
        if self.missing_mass is None and treatments and not self.drawn:
            object.__setattr__(self, "missing_mass", MISSING_MASS[0])
        if self.parameter is None and kind.parameter is not None:
            object.__setattr__(self, "parameter", kind.parameter.default)

    def _require_draws(self, kind: _Kind) -> None:
        if self.drawn and self.loss not in _ON_DRAWS:
            raise ValueError(f"loss: {self.loss} on draws, where it is biased (expected: one of {', '.join(_ON_DRAWS)})")
        if not self.drawn and kind.shape == "draws":
            raise ValueError(f"loss: {self.loss} without draws (expected: a selection that draws)")

    def _require_treatment(self, treatments: tuple[str, ...]) -> None:
        given = self.missing_mass
        if given is None:
            return
        if given not in MISSING_MASS:
            raise ValueError(f"missing_mass: {given} (expected: {', '.join(MISSING_MASS)})")
        if self.drawn or not treatments:
            on = " on draws" if self.drawn else ""
            raise ValueError(f"missing_mass: {given} with loss={self.loss}{on} (expected: none given, as no mass is missing)")
        if given not in treatments:
            raise ValueError(f"missing_mass: {given} with loss={self.loss} (expected: {', '.join(treatments)})")

    def _require_parameter(self, known: LossParameter | None) -> None:
        given = self.parameter
        if given is None:
            return
        at = f"loss_parameter: {float(given)} with loss={self.loss}"
        if known is None:
            raise ValueError(f"{at} (expected: none given, as it takes no number)")
        if self.loss == "slim":
            if abs(given) != 1:
                raise ValueError(f"{at} (expected: ratio, 1 or -1)")
        elif not known.least <= given <= known.most:
            raise ValueError(f"{at} (expected: {known.name}, {float(known.least)} to {float(known.most)})")

    def require_tails(self, tail_error: float) -> None:
        """Refuses a teacher whose tails are noise to a reverse divergence, which adds up the log of the student's tail over its own."""
        if self.loss in ("reverse_kl", "akl") and tail_error > self.max_tail_error:
            raise ValueError(
                f"loss: {self.loss} (expected: another, since the teacher's tail_error is {tail_error} and max_tail_error is"
                f" {self.max_tail_error})"
            )

    @property
    def needs_logits(self) -> bool:
        """Whether it reads the teacher's raw logits, and no probabilities."""
        return _KINDS[self.loss].shape == "logits"

    @property
    def target(self) -> str:
        """What makes the buckets of a row: a treatment of missing mass, "draws" or "raw_logits"."""
        if self.needs_logits:
            return "raw_logits"
        return "draws" if self.drawn else str(self.missing_mass)
