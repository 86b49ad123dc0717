"""Which losses there are, what each of them may be combined with, and the refusal of everything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from lyne.losses.own_text import TERMS, OwnText

__all__ = ["LOSSES", "MISSING_MASS", "DistillationLoss", "LossParameter"]


@dataclass(frozen=True)
class LossParameter:
    """The number that a loss takes: its name, default, and which are allowed, in words and as a test."""

    name: str
    default: float
    expected: str
    allowed: Callable[[float], bool]

    @staticmethod
    def between(name: str, default: float, least: float, most: float) -> LossParameter:
        """A number from one to another, both allowed."""
        return LossParameter(name, default, f"{float(least)} to {float(most)}", lambda value: least <= value <= most)


#: What a loss is of the teacher's probabilities, which decides what it may be combined with.
Shape = Literal["linear", "curved", "logits", "draws"]


@dataclass(frozen=True)
class _Kind:
    shape: Shape
    parameter: LossParameter | None = None
    only: tuple[str, ...] | None = None

    @property
    def treatments(self) -> tuple[str, ...]:
        """The treatments of missing mass that it is defined with."""
        return _TREATMENTS[self.shape] if self.only is None else self.only


MISSING_MASS: tuple[str, ...] = ("tail_bucket", "renormalised", "zero", "both_renormalised", "uniform", "residual_to_gold")
"""The treatments of the teacher's probability that was not sent; the first is the default."""

_TREATMENTS: dict[Shape, tuple[str, ...]] = {
    "linear": MISSING_MASS,
    "curved": ("tail_bucket", "both_renormalised"),
    "logits": (),
    "draws": (),
}

_TEMPERATURE = LossParameter("temperature", 1, "0.01 to 100", lambda value: 0.01 <= value <= 100)

_KINDS: dict[str, _Kind] = {
    "forward_kl": _Kind("linear"),
    "reverse_kl": _Kind("curved"),
    "jsd": _Kind("curved", LossParameter.between("beta", 0.5, 0, 1)),
    "skew_forward_kl": _Kind("curved", LossParameter.between("alpha", 0.1, 0, 0.999)),
    "skew_reverse_kl": _Kind("curved", LossParameter.between("alpha", 0.1, 0, 0.999)),
    "total_variation": _Kind("curved"),
    "soft_cross_entropy": _Kind("linear"),
    "mse_logits": _Kind("logits"),
    "akl": _Kind("curved", LossParameter.between("head", 0.5, 0, 1)),
    "taid": _Kind("curved", LossParameter("start", 0.4, "above 0, at most 1", lambda value: 0 < value <= 1)),
    "slim": _Kind("linear", LossParameter("ratio", 1, "1 or -1", lambda value: abs(value) == 1)),
    "decoupled_top_k": _Kind("curved", _TEMPERATURE, ("tail_bucket",)),
    "decoupled_top_k_unweighted": _Kind("curved", _TEMPERATURE, ("tail_bucket",)),
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
        own_text: what is minimised on text that the student wrote itself; None where there is none.

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
    own_text: OwnText | None = None

    def __post_init__(self) -> None:
        kind = _kind(self.loss)
        self._require_draws(kind)
        treatments = kind.treatments
        self._require_treatment(treatments)
        _require_parameter(self.loss, self.parameter)
        if not 0 < self.student_temperature < float("inf"):
            raise ValueError(f"student_temperature: {self.student_temperature} (expected: finite, above 0)")
        if not 0 <= self.max_tail_error < 1:
            raise ValueError(f"max_tail_error: {self.max_tail_error} (expected: at least 0, below 1)")
        if self.missing_mass is None and treatments and not self.drawn:
            object.__setattr__(self, "missing_mass", MISSING_MASS[0])
        if self.parameter is None and kind.parameter is not None:
            object.__setattr__(self, "parameter", float(kind.parameter.default))
        if self.own_text is not None:
            object.__setattr__(self, "own_text", self._fitting(self.own_text))

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

    def _fitting(self, own: OwnText) -> OwnText:
        """The same own text with its number; refuses a divergence that is not defined on rows of this form."""
        if own.loss is None:
            own = replace(own, loss=self.loss, parameter=self.parameter)
        assert own.loss is not None
        kind = _kind(own.loss, "own_text_loss")
        on_draws = " on draws" if self.drawn else ""
        if (self.drawn and own.loss not in _ON_DRAWS) or kind.shape == "logits" or (kind.shape == "draws" and not self.drawn):
            raise ValueError(
                f"own_text_loss: {own.loss}{on_draws} (expected: a loss that is defined on"
                f" {'draws' if self.drawn else 'rows of probabilities'})"
            )
        if self.needs_logits:
            raise ValueError(f"own_text_loss: {own.loss} with loss={self.loss} (expected: a loss on data that is not of raw logits)")
        if self.missing_mass is not None and self.missing_mass not in kind.treatments:
            raise ValueError(f"missing_mass: {self.missing_mass} with own_text_loss={own.loss} (expected: {', '.join(kind.treatments)})")
        _require_parameter(own.loss, own.parameter)
        if own.parameter is None and kind.parameter is not None:
            return replace(own, parameter=float(kind.parameter.default))
        return own

    def require_tails(self, tail_error: float) -> None:
        """Refuses a teacher whose tails are noise to a reverse divergence, which adds up the log of the student's tail over its own."""
        used = [(self.loss, self.parameter)]
        if self.own_text is not None:
            used.append((str(self.own_text.loss), self.own_text.parameter))
        noisy = next((loss for loss, number in used if _is_reverse(loss, number)), None)
        if noisy is not None and tail_error > self.max_tail_error:
            raise ValueError(
                f"loss: {noisy} (expected: another, since the teacher's tail_error is {tail_error} and max_tail_error is"
                f" {self.max_tail_error})"
            )

    @property
    def sums(self) -> int:
        """How many sums it gives: those of `LossTerms`, and those of own text."""
        return 3 if self.own_text is None else 3 + len(TERMS)

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


def _is_reverse(loss: str, number: float | None) -> bool:
    """Whether a loss adds up the log of the student's mass over the teacher's: two of them become reverse KL at an end of their number."""
    return loss in ("reverse_kl", "akl") or (loss, number) in (("jsd", 1), ("skew_reverse_kl", 0))


def loss_parameter(loss: str) -> LossParameter | None:
    """The number that a loss takes, if any."""
    return _kind(loss).parameter


def _kind(loss: str, setting: str = "loss") -> _Kind:
    kind = _KINDS.get(loss)
    if kind is None:
        raise ValueError(f"{setting}: {loss} (expected: {', '.join(LOSSES)})")
    return kind


def _require_parameter(loss: str, given: float | None) -> None:
    if given is None:
        return
    known = _KINDS[loss].parameter
    at = f"loss_parameter: {float(given)} with loss={loss}"
    if known is None:
        raise ValueError(f"{at} (expected: none given, as it takes no number)")
    if not known.allowed(given):
        raise ValueError(f"{at} (expected: {known.name}, {known.expected})")
