"""What TAID learns from step to step."""

from __future__ import annotations

import math

__all__ = ["TaidState"]

_SMOOTHING = 0.99
_RATE = 5e-4


class TaidState:
    """How far TAID's target has moved from the student to the teacher: λ grows with the loss's relative fall, smoothed, and at least in a
    straight line to 1 at the last step (arXiv 2501.16937, algorithm 1).

        state = TaidState(start=0.4, steps=1000)
        for number, batch in enumerate(teacher.attach(loader), 1):
            batch["taid_lambda"] = torch.full(batch["log_tail"].shape, state.share)
            terms = student(**batch)
            ...
            state.stepped(number, float(terms.divergence))
    """

    def __init__(self, start: float, steps: int):
        """Takes the number of the loss (`DistillationLoss.parameter`) and the steps of the run."""
        if not 0 < start <= 1:
            raise ValueError(f"taid_start: {start} (expected: above 0, at most 1)")
        if steps < 1:
            raise ValueError(f"steps: {steps} (expected: at least 1)")
        self._start, self._steps = start, steps
        self._momentum = 0.0
        self._before: float | None = None
        self.share = start
        """The λ of the step to come, in (0, 1]: column `taid_lambda`."""

    def stepped(self, number: int, divergence: float) -> None:
        """Takes up the mean divergence of a finished step, counted from 1."""
        if self._before is not None:
            fall = (self._before - divergence) / (self._before + 1e-15)
            self._momentum = _SMOOTHING * self._momentum + (1 - _SMOOTHING) * fall
            own = self.share + _RATE / (1 + math.exp(-self._momentum)) * (1 - self.share)
            line = self._start + (1 - self._start) * number / self._steps
            self.share = min(1.0, max(own, line))
        self._before = divergence

    def state_dict(self) -> dict[str, float]:
        """What a checkpoint keeps; nothing before the first step."""
        if self._before is None:
            return {}
        return {"lambda": self.share, "momentum": self._momentum, "divergence": self._before}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Goes on from what `state_dict` gave."""
        if not state:
            return
        for name in ("lambda", "momentum", "divergence"):
            if name not in state:
                raise ValueError(f"taid.{name}: absent (expected: as a checkpoint keeps it)")
        self.share, self._momentum, self._before = state["lambda"], state["momentum"], state["divergence"]
