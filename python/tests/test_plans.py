"""What a run of the Java student may be for this package to follow it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lyne.plans import TrainingPlan


def exported(directory: Path, **settings: str) -> Path:
    """A directory as `lyne train --export-initial` leaves it, as far as it is read here."""
    usual = {"temperature_schedule": "constant", "precision": "float32", "loss": "forward_kl", "teachers": ""}
    (directory / "settings.json").write_text(json.dumps({**usual, **settings}))
    (directory / "windows.jsonl").write_text(json.dumps({"input_ids": [1, 2], "prompt_tokens": 1}) + "\n")
    (directory / "steps.jsonl").write_text(json.dumps({"step": 1, "learning_rate": 0.1, "windows": [0]}) + "\n")
    return directory


def test_plan_of_one_teacher_is_read(tmp_path):
    assert TrainingPlan(exported(tmp_path)).steps[0].windows == (0,)


def test_plan_of_several_teachers_is_refused(tmp_path):
    teachers = "name=a;address=127.0.0.1:1;weight=1, name=b;address=127.0.0.1:2;weight=1"
    with pytest.raises(ValueError, match="teachers: name=a;"):
        TrainingPlan(exported(tmp_path, teachers=teachers))
