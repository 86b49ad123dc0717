"""A run of the Java student, to begin where it begins and to go as it goes: what `lyne train --export-initial DIR` wrote.

DIR is a Hugging Face model, too: the student's weights before step 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lyne.losses import IGNORED, DistillationLoss
from lyne.wire.selection import Draws, Selection, TopFraction, TopK, TopPK

__all__ = ["PlannedStep", "TrainingPlan"]


@dataclass(frozen=True)
class PlannedStep:
    """What changes from step to step.

    Attributes:
        number: from 1.
        alpha: weight of the divergence.
        windows: the numbers of its windows.
    """

    number: int
    learning_rate: float
    alpha: float
    windows: tuple[int, ...]


class TrainingPlan:
    """Windows, schedules and settings of a run on data.

    Raises:
        ValueError: for a directory without such files, and for settings that this package does not follow: ids that the student
            chooses, temperatures that change, losses that change with what they learnt (`taid`), prompts of the
            teacher's, several teachers.
    """

    def __init__(self, directory: str | Path):
        self.directory = Path(directory)
        for name in ("settings.json", "windows.jsonl", "steps.jsonl"):
            if not (self.directory / name).is_file():
                raise ValueError(f"{self.directory}: no {name} (expected: a directory of `lyne train --export-initial`)")
        self.settings: Mapping[str, str] = json.loads((self.directory / "settings.json").read_text())
        """Every setting of the run by its key, as text."""
        self._windows = self._read("windows.jsonl")
        self._held_out = self._read("held_out.jsonl") if (self.directory / "held_out.jsonl").is_file() else []
        self.steps = [
            PlannedStep(line["step"], line["learning_rate"], line.get("alpha", 0.0), tuple(line["windows"]))
            for line in self._read("steps.jsonl")
        ]
        """All steps of the run, in order."""
        self._require_followed()

    def _read(self, name: str) -> list[dict[str, Any]]:
        with open(self.directory / name) as lines:
            return [json.loads(line) for line in lines]

    def _require_followed(self) -> None:
        for name, expected in (("temperature_schedule", "constant"), ("precision", "float32")):
            if self.settings[name] != expected:
                raise ValueError(f"{name}: {self.settings[name]} (expected: {expected})")
        if self.settings["loss"] == "taid":
            raise ValueError("loss: taid (expected: another, as its target depends on what was learnt)")
        if self.settings.get("teachers"):
            raise ValueError(f"teachers: {self.settings['teachers']} (expected: none, as each window is asked of one teacher)")
        if any("teacher_input_ids" in line for line in self._windows):
            raise ValueError("windows with prompts of the teacher's (expected: none)")

    def number(self, name: str) -> float:
        """A setting that is a number."""
        return float(self.settings[name])

    @property
    def selection(self) -> Selection:
        """The rows that the run asks for."""
        s = self.settings
        match s["selection"]:
            case "top_k":
                return TopK(int(s["top_k"]))
            case "top_p_k":
                tempered = s["truncate_at"] == "tempered"
                return TopPK(self.number("top_p"), int(s["top_k"]), self.temperature if tempered else 1.0)
            case "top_fraction":
                return TopFraction(self.number("top_fraction"))
            case "draws":
                return Draws(int(s["draws"]), int(s["head"]), int(s["draw_seed"]))
        raise ValueError(f"selection: {s['selection']} (expected: top_k, top_p_k, top_fraction or draws)")

    @property
    def temperature(self) -> float:
        """The teacher's temperature."""
        return self.number("teacher_temperature")

    @property
    def loss(self) -> DistillationLoss:
        """What the run minimises of the teacher's rows."""
        s = self.settings
        parameter = float(s["loss_parameter"]) if s["loss_parameter"] else None
        if s["loss"] == "slim":
            parameter = 1.0 if s["slim_ratio"] == "teacher_over_student" else -1.0
        tau = self.temperature if s["student_temperature"] == "teacher" else self.number("student_temperature")
        drawn, squared = s["selection"] == "draws", s["temperature_squared"] == "true"
        return DistillationLoss(s["loss"], s["missing_mass"] or None, parameter, drawn, tau, squared, self.number("max_tail_error"))

    def optimizer(self, model: torch.nn.Module) -> torch.optim.AdamW:
        """AdamW as the Java student has it: matrices decay, embeddings among them; norms and biases do not."""
        parameters = list(model.parameters())
        groups: list[dict[str, Any]] = [
            {"params": [p for p in parameters if p.dim() > 1], "weight_decay": self.number("weight_decay")},
            {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=1.0, betas=(self.number("beta1"), self.number("beta2")), eps=self.number("epsilon"))

    def batches(self) -> Iterator[dict[str, Tensor]]:
        """The batch of each step."""
        for step in self.steps:
            yield self._batch([self._windows[number] for number in step.windows])

    def held_out(self, size: int = 8) -> Iterator[dict[str, Tensor]]:
        """What the run is evaluated on, so many windows at a time."""
        for first in range(0, len(self._held_out), size):
            yield self._batch(self._held_out[first : first + size])

    @staticmethod
    def _batch(windows: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Windows padded on the right; labels are Hugging Face's, unshifted."""
        shape = (len(windows), max(len(window["input_ids"]) for window in windows))
        ids: NDArray[np.int64] = np.zeros(shape, dtype=np.int64)
        mask: NDArray[np.int64] = np.zeros(shape, dtype=np.int64)
        labels: NDArray[np.int64] = np.full(shape, IGNORED, dtype=np.int64)
        for row, window in enumerate(windows):
            tokens, prompt = window["input_ids"], window["prompt_tokens"]
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
            labels[row, prompt : len(tokens)] = tokens[prompt:]
        return {name: torch.from_numpy(value) for name, value in (("input_ids", ids), ("attention_mask", mask), ("labels", labels))}
