"""`python -m lyne`, the example, and the stubs, as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, TEACHER, run
from tokenizers import Tokenizer

import lyne

PYTHON = ROOT / "python"


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(PYTHON), "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, timeout=300)


def test_score_real_server_prints_rows_and_json(server):
    arguments = ("-m", "lyne", "score", "--teacher", server.address, "--tokenizer", str(TEACHER), "--top-k", "3", "Fellow citizens")
    assert "|" in command(*arguments).stdout
    figures = json.loads(command(*arguments, "--json", "-").stdout)
    assert len(figures["rows"][0]["top"]) == 3
    assert figures["rows"][-1]["label_log_probability"] is None


def test_score_tokenizer_with_a_stored_limit_scores_the_whole_text(server, tmp_path):
    limited = Tokenizer.from_file(str(TEACHER / "tokenizer.json"))
    whole = len(limited.encode("Fellow citizens of the Senate").ids)
    limited.enable_truncation(2)
    limited.enable_padding(length=32)
    limited.save(str(tmp_path / "tokenizer.json"))
    arguments = ("-m", "lyne", "score", "--teacher", server.address, "--tokenizer", str(tmp_path), "--json", "-")
    assert len(json.loads(command(*arguments, "Fellow citizens of the Senate").stdout)["rows"]) == whole


def test_score_tokenizer_of_another_vocabulary_is_refused(server, tmp_path):
    other = Tokenizer.from_file(str(TEACHER / "tokenizer.json"))
    other.add_tokens(["one more"])
    other.save(str(tmp_path / "tokenizer.json"))
    done = command("-m", "lyne", "score", "--teacher", server.address, "--tokenizer", str(tmp_path), "Fellow citizens")
    assert done.returncode == 1
    assert "vocabulary size: 4096 (expected: 4097)" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (("score", "--teacher", "127.0.0.1:1", "x"), 2, "--tokenizer"),
        (("score", "--teacher", "teacher.example:1", "--tokenizer", str(TEACHER), "x"), 2, "is another host, in plain text"),
        (("score", "--teacher", "127.0.0.1:1", "--tokenizer", "/none", "x"), 2, "no such file"),
        (("export", "/none", "--out", "x"), 1, "No such file"),
        (("bench", "--vocabulary-sise", "3"), 2, "unrecognized"),
    ],
)
def test_main_wrong_usage_is_one_line_and_its_code(arguments, code, what):
    done = command("-m", "lyne", *arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert what in done.stderr


def test_doctor_says_what_works(server):
    done = command("-m", "lyne", "doctor", "--teacher", server.address, "--json", "-")
    figures = json.loads(done.stdout)
    assert done.returncode == 0, figures
    assert figures["native_decoder"] is True
    assert figures["teacher"]["vocabulary_size"] == 4096


def test_export_capture_is_read_back_with_its_digests(captured, tmp_path):
    import pyarrow.parquet as pq

    ids = [
        0,
        *Tokenizer.from_file(str(TEACHER / "tokenizer.json"))
        .encode((captured.parent / "corpus.txt").read_text(), add_special_tokens=False)
        .ids,
    ]
    (tmp_path / "ids.jsonl").write_text(json.dumps(ids[:64]) + "\n")
    done = command("-m", "lyne", "export", str(captured), "--out", str(tmp_path / "all.parquet"))
    assert done.returncode == 0, done.stderr
    whole = pq.read_table(tmp_path / "all.parquet")
    capture = lyne.Capture(captured)
    assert whole.num_rows == capture.manifest["sequences"]
    assert json.loads(whole.schema.metadata[b"lyne.teacher"])["model_sha256"] == capture.teacher.model_sha256
    done = command(
        "-m", "lyne", "export", str(captured), "--out", str(tmp_path / "one.parquet"), "--sequences", str(tmp_path / "ids.jsonl")
    )
    assert done.returncode == 0, done.stderr
    row = pq.read_table(tmp_path / "one.parquet").to_pylist()[0]
    with capture.open() as stream:
        stream.offer(lyne.TargetSequence(0, ids[:64]))
        targets = stream.take()
    assert row["input_ids"] == ids[:64]
    assert [token for tokens in row["token_ids"] for token in tokens] == targets.ids.tolist()
    assert [lp for lps in row["logprobs"] for lp in lps] == targets.logprobs.tolist()


@pytest.fixture
def student(tmp_path: Path) -> Path:
    """The configuration of a small student of the demo teacher."""
    config = json.loads((TEACHER / "config.json").read_text())
    config.update(hidden_size=64, intermediate_size=128, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2, head_dim=32)
    directory = tmp_path / "student"
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps(config))
    return directory


def test_example_own_corpus_learns_and_writes_a_hugging_face_directory(server, student, tmp_path):
    done = command(
        str(PYTHON / "examples/own_corpus.py"), "--teacher", server.address, "--student", str(student), "--tokenizer", str(TEACHER),
        "--corpus", str(ROOT / "README.md"), "--steps", "30", "--batch", "4", "--context", "64", "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    losses = [float(line.split("held-out ")[1]) for line in done.stdout.splitlines()]
    assert losses[-1] < losses[0]
    assert (tmp_path / "out/model.safetensors").is_file()


def test_example_lightning_learns(server, student):
    def nll(steps: int) -> float:
        done = command(
            str(PYTHON / "examples/lightning_student.py"), "--teacher", server.address, "--student", str(student),
            "--tokenizer", str(TEACHER), "--corpus", str(ROOT / "README.md"), "--steps", str(steps),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        words = done.stdout.splitlines()[-1].split()
        assert words[:2] == ["steps", str(steps)]
        return float(words[3])

    assert nll(25) < nll(1) - 0.5


def test_students_java_and_python_come_equally_far_on_equal_targets(server, tmp_path):
    sizes = ("--steps", "12", "--batch", "4", "--context", "64", "--held-out-windows", "8")
    done = command(str(ROOT / "loadtest/students.py"), "--teacher", server.address, "--json", str(tmp_path / "report.json"), *sizes)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["initial_difference_nats"] < 1e-4
    assert report["target_rows"] == 4 * 63 and report["max_target_difference"] == 0
    assert report["held_out_difference_nats"] <= 0.02
    assert report["python_held_out_nats"] < 8.2  # where it begins


@pytest.mark.slow
def test_bench_small_prints_every_figure():
    sizes = ("--vocabulary-size", "2048", "--positions", "256", "--width", "32", "--top-k", "8", "--pairs", "1")
    done = command("-m", "lyne", "bench", *sizes, "--json", "-")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert set(figures) == {
        "compact_decode_entries_per_second",
        "decode_entries_per_second",
        "decode_over_java",
        "delayed_over_local",
        "peak_memory_over_unfused",
        "step_over_cross_entropy",
        "with_stream_over_without",
    }
    assert min(figures.values()) > 0


def test_decoders_equal_javas_on_random_blocks(tmp_path):
    file = tmp_path / "blocks"
    run("bench", "blocks", "--count", "3000", "--seed", "5", "--out", str(file))
    with open(file, "rb") as stream:
        done = subprocess.run(
            [sys.executable, str(PYTHON / "tools/check_blocks.py"), "--python-too", "10"], stdin=stream, capture_output=True, text=True
        )
    assert (done.returncode, done.stdout) == (0, "3000 blocks equal to Java's, 300 of them in both decoders\n"), done.stderr


def test_decoder_that_differs_is_found(tmp_path):
    file = tmp_path / "blocks"
    run("bench", "blocks", "--count", "20", "--out", str(file))
    data = bytearray(file.read_bytes())
    data[-1] ^= 1  # the digest of the last block's columns
    with open(file, "wb") as stream:
        stream.write(data)
    with open(file, "rb") as stream:
        done = subprocess.run([sys.executable, str(PYTHON / "tools/check_blocks.py")], stdin=stream, capture_output=True, text=True)
    assert done.returncode == 1 and "block 20, native decoder: " in done.stderr


def test_generate_stubs_checked_in_ones_import_and_speak_the_contract():
    from lyne.v1 import teacher_service_pb2

    methods = [method.name for method in teacher_service_pb2.DESCRIPTOR.services_by_name["TeacherService"].methods]
    text = (ROOT / "proto/src/main/protobuf/lyne/v1/teacher_service.proto").read_text()
    assert [line.split("rpc ")[1].split("(")[0] for line in text.splitlines() if line.strip().startswith("rpc ")] == methods


def test_version_is_that_of_the_java_side():
    text = Path(ROOT / "pom.xml").read_text()
    java = text.split("<version>")[1].split("</version>")[0]
    assert lyne.__version__ == java.replace("-SNAPSHOT", ".dev0")
