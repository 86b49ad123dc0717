"""What a policy's loss reads of drawn tokens: how much better than expected the rest of a response was, and what it was drawn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Advantages", "Whitening", "proposal_logprob"]

#: How returns are brought to mean 0 and variance 1: not at all; over the tokens of all responses, with the population's variance; over a
#: table of responses that are padded with returns of 0, with the sample's variance, as MiniLLM's official code does.
Whitening = Literal["none", "tokens", "padded"]

_EPSILON = 1e-8


@dataclass(frozen=True)
class Advantages:
    """The advantage A of each token of a response, made from rewards r = log t − log s_old of the drawn tokens at temperature 1
    (MiniLLM, arXiv 2306.08543).

    Attributes:
        includes_own: whether a token's own reward counts to its return. MiniLLM's paper leaves it to the exact reverse KL of the token's
            row; its official code counts it beside that.
        whole_return: whether the rewards of later tokens count.
        discount: γ of later rewards, above 0, at most 1.
        length_normalisation: whether a return is divided by the number of its rewards.
        whitening: of the returns of all responses together.
        reward_scale: what rewards are divided by, above 0.
        reward_clip: greatest absolute reward after scaling, above 0; infinite: none.
    """

    includes_own: bool = True
    whole_return: bool = True
    discount: float = 1.0
    length_normalisation: bool = False
    whitening: Whitening = "none"
    reward_scale: float = 1.0
    reward_clip: float = math.inf

    def __post_init__(self) -> None:
        if not 0 < self.discount <= 1:
            raise ValueError(f"discount: {self.discount} (expected: above 0, at most 1)")
        if not 0 < self.reward_scale < math.inf:
            raise ValueError(f"reward_scale: {self.reward_scale} (expected: finite, above 0)")
        if not self.reward_clip > 0:
            raise ValueError(f"reward_clip: {self.reward_clip} (expected: above 0)")
        if self.whitening not in ("none", "tokens", "padded"):
            raise ValueError(f"whitening: {self.whitening} (expected: none, tokens, padded)")
        if not self.includes_own and not self.whole_return:
            raise ValueError("advantages of neither a token's own reward nor later ones (expected: one of them)")

    def of(self, log_ratios: Sequence[ArrayLike]) -> list[NDArray[np.float64]]:
        """The advantage of each token of each response.

        Args:
            log_ratios: log t − log s_old of the drawn tokens, a response each; finite.
        """
        return self._whitened([self._returns(np.asarray(own, dtype=np.float64)) for own in log_ratios])

    def _returns(self, log_ratios: NDArray[np.float64]) -> NDArray[np.float64]:
        if not np.isfinite(log_ratios).all():
            at = log_ratios[~np.isfinite(log_ratios)][0]
            raise ValueError(f"log t - log s of a drawn token: {at} (expected: finite)")
        rewards = np.clip(log_ratios / self.reward_scale, -self.reward_clip, self.reward_clip)
        returns = np.zeros_like(rewards)
        count, later = len(rewards), 0.0
        for t in range(count - 1, -1, -1):
            summed = rewards[t] + (self.discount * later if self.whole_return else 0) if self.includes_own else later
            terms = 1 if not self.whole_return else count - t - (0 if self.includes_own else 1)
            returns[t] = summed / terms if self.length_normalisation and terms > 1 else summed
            later = rewards[t] + self.discount * later
        return returns

    def _whitened(self, returns: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
        if self.whitening == "none" or not returns:
            return returns
        every = np.concatenate(returns)
        padding = max(map(len, returns)) * len(returns) - len(every) if self.whitening == "padded" else 0
        count = len(every) + padding
        mean = every.sum() / max(1, count)
        squares = np.square(every - mean).sum() + padding * mean * mean
        variance = squares / max(1, count - 1 if self.whitening == "padded" else count)
        return [(own - mean) / math.sqrt(variance + _EPSILON) for own in returns]


def proposal_logprob(mixing: float, teacher_logprob: float, student_logprob: float) -> float:
    """log p̃ of a drawn token, p̃ = α t′ + (1 − α) s′: teacher and student after the temperature and top-p that each was drawn with.

    Args:
        mixing: α, the teacher's share, 0 to 1.
        teacher_logprob: log t′ of it, −inf outside the teacher's top-p.
        student_logprob: log s′ of it by the student that drew, −inf outside the student's.

    Raises:
        ValueError: where no proposal could have drawn it.
    """
    if not 0 <= mixing <= 1:
        raise ValueError(f"teacher_mixing: {mixing} (expected: 0 to 1)")
    teacher = -math.inf if mixing == 0 else math.log(mixing) + teacher_logprob
    student = -math.inf if mixing == 1 else math.log1p(-mixing) + student_logprob
    greater, less = max(teacher, student), min(teacher, student)
    if not -math.inf < greater <= 1e-6:
        raise ValueError(
            f"a token of log-probability {teacher_logprob} by the teacher and {student_logprob} by the student, with"
            f" teacher_mixing={mixing} (expected: one that could have been drawn)"
        )
    return greater + math.log1p(math.exp(less - greater))
