"""The examples, and the comparison with the Java student, as a user runs them."""

from __future__ import annotations

import gzip
import json
import math
import runpy
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from conftest import PYTHON, ROOT, TEACHER, command


@pytest.fixture
def example(monkeypatch, capsys) -> Callable[..., list[str]]:
    """Runs an example as a user's Python would, in this process, which has the libraries loaded; gives the lines that it prints."""

    def run(name: str, *arguments: str) -> list[str]:
        monkeypatch.setattr("sys.argv", [name, *arguments])
        runpy.run_path(str(PYTHON / "examples" / name), run_name="__main__")
        return capsys.readouterr().out.splitlines()

    return run


@pytest.fixture
def student(tmp_path: Path) -> Path:
    """The configuration of a small student of the demo teacher."""
    config = json.loads((TEACHER / "config.json").read_text())
    config.update(hidden_size=64, intermediate_size=128, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2, head_dim=32)
    directory = tmp_path / "student"
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps(config))
    return directory


def test_example_own_corpus_learns_and_writes_a_hugging_face_directory(server, student, example, tmp_path):
    said = example(
        "own_corpus.py", "--teacher", server.address, "--student", str(student), "--tokenizer", str(TEACHER),
        "--corpus", str(ROOT / "README.md"), "--steps", "30", "--batch", "4", "--context", "64", "--out", str(tmp_path / "out"),
    )  # fmt: skip
    losses = [float(line.split("held-out ")[1]) for line in said]
    assert losses[-1] < losses[0]
    assert (tmp_path / "out/model.safetensors").is_file()


def test_example_lightning_learns(server, student, example):
    said = example(
        "lightning_student.py", "--teacher", server.address, "--student", str(student),
        "--tokenizer", str(TEACHER), "--corpus", str(ROOT / "README.md"), "--steps", "25",
    )  # fmt: skip
    words = said[-1].split()
    assert words[:2] == ["steps", "25"]
    assert float(words[3]) < math.log(4096) - 0.5, "where a student begins that holds all tokens for equally probable"


def test_students_java_and_python_come_equally_far_on_equal_targets(server, tmp_path):
    corpus = tmp_path / "corpus.jsonl"
    with gzip.open(TEACHER.parent / "train.jsonl.gz") as addresses:  # all of them would be tokenised for 48 windows
        corpus.write_bytes(b"".join(islice(addresses, 6)))
    sizes = ("--steps", "12", "--batch", "4", "--context", "64", "--held-out-windows", "8", "--corpus", str(corpus))
    done = command(str(ROOT / "loadtest/students.py"), "--teacher", server.address, "--json", str(tmp_path / "report.json"), *sizes)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["initial_difference_nats"] < 1e-4
    assert report["target_rows"] == 4 * 63 and report["max_target_difference"] == 0
    assert report["held_out_difference_nats"] <= 0.02
    assert report["python_held_out_nats"] < 8.2  # where it begins
