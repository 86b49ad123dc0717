"""What the scripts of loadtest/ decide by themselves, without an engine or a trainer."""

from __future__ import annotations

import importlib
import json
import math
import struct
import sys
from types import ModuleType

import pytest
from conftest import ROOT


@pytest.fixture
def script(monkeypatch):
    """Imports a script without the libraries that only its measurements need."""
    monkeypatch.syspath_prepend(str(ROOT / "loadtest"))
    monkeypatch.setitem(sys.modules, "msgspec", ModuleType("msgspec"))
    yield importlib.import_module
    for name in ("aims", "engines", "trainers"):
        sys.modules.pop(name, None)


MET = {
    "engines": {
        "max_difference_nats": 1e-3, "rows_after_other_weights": 0, "engine_with_lyne_over_engine": 3.5, "coverage": 1.0,
    },
    "trainers": {
        "max_loss_difference": 1e-3, "max_first_step_difference": 1e-3, "max_target_difference": 1e-5, "max_axolotl_difference": 0.0,
        "second_pass_positions_scored": 0, "second_epoch_positions_scored": 0.0,
    },
}  # fmt: skip
MISSED = [
    ("engines", "max_difference_nats", 1.1e-3),
    ("engines", "rows_after_other_weights", 1),
    ("engines", "engine_with_lyne_over_engine", 3.49),
    ("engines", "coverage", 0.999),
    ("trainers", "max_loss_difference", math.nan),
    ("trainers", "max_first_step_difference", 2e-3),
    ("trainers", "second_epoch_positions_scored", 16.0),
]


def judge(script, name, report, file):
    module = script(name)
    script("aims").report_and_judge(report, str(file), module.AT_MOST, getattr(module, "AT_LEAST", None))
    return json.loads(file.read_text())


@pytest.mark.parametrize("name", MET)
def test_report_whose_aims_are_met_is_written(script, tmp_path, name):
    assert judge(script, name, MET[name], tmp_path / "report") == MET[name]


def test_report_figure_that_was_not_measured_is_not_judged(script, tmp_path):
    assert judge(script, "trainers", {"not_installed": ["vllm"]}, tmp_path / "report") == {"not_installed": ["vllm"]}


@pytest.mark.parametrize(("name", "figure", "value"), MISSED)
def test_report_missed_aim_is_written_and_said_and_its_exit_code_is_1(script, tmp_path, capsys, name, figure, value):
    with pytest.raises(SystemExit) as ended:
        judge(script, name, {**MET[name], figure: value}, tmp_path / "report")
    assert ended.value.code == 1
    assert (tmp_path / "report").is_file()
    assert f"missed: {figure}: {value} (expected: at " in capsys.readouterr().err


def test_other_weights_model_with_folders_beside_it_is_copied_without_them(script, tmp_path):
    source, copy = tmp_path / "model", tmp_path / "copy"
    (source / "onnx").mkdir(parents=True)
    (source / "config.json").write_text("{}")
    header = json.dumps({"model.norm.weight": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    (source / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + struct.pack("<2f", 1.0, -2.0))
    script("engines").other_weights(str(source), str(copy))
    assert sorted(file.name for file in copy.iterdir()) == ["config.json", "model.safetensors"]
    moved = struct.unpack("<2f", (copy / "model.safetensors").read_bytes()[-8:])
    assert moved == pytest.approx((1.05, -2.1))
