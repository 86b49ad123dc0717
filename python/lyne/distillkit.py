"""A signal source for DistillKit: its trainer asks for each batch's sparse signal, and gets a Lyne teacher's rows."""

from __future__ import annotations

from typing import Any

from distillkit.signals import SignalSource, SparseSignal
from typing_extensions import override

from lyne.teacher import Teacher

__all__ = ["LyneSignalSource"]


class LyneSignalSource(SignalSource):
    """Log-probabilities of the kept ids; where a row keeps fewer, or is not wanted, they are −inf."""

    def __init__(self, teacher: Teacher, temperature: float = 1.0):
        self._teacher, self._temperature = teacher, temperature

    @override
    def supports_hidden_states(self) -> bool:
        return False

    @override
    def get_signal(self, batch: dict[str, Any], return_hidden_states: bool = False) -> SparseSignal:
        if return_hidden_states:
            raise ValueError("hidden states: wanted (expected: none, a teacher sends rows alone)")
        columns = self._teacher.add_targets(batch)
        device = batch["input_ids"].device
        return SparseSignal(
            generation_temperature=self._temperature,
            hidden_states=None,
            vocab_size=self._teacher.describe().vocabulary_size,
            sparse_ids=columns["target_token_ids"].to(device),
            sparse_values=columns["target_logprobs"].to(device),
            log_values=True,
        )
