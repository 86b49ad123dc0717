"""`python -m lyne` and the stubs, as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PYTHON, ROOT, TEACHER, command, run
from tokenizers import Tokenizer

import lyne
from lyne.__main__ import _with_special_tokens, main


def test_score_real_server_prints_rows_and_json(server, capsys):
    arguments = ("-m", "lyne", "score", "--teacher", server.address, "--tokenizer", str(TEACHER), "--top-k", "3", "Fellow citizens")
    assert "|" in command(*arguments).stdout
    assert main([*arguments[2:], "--json", "-"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert len(figures["rows"][0]["top"]) == 3
    assert figures["rows"][-1]["label_log_probability"] is None


def test_score_tokenizer_with_a_stored_limit_scores_the_whole_text(server, tmp_path, capsys):
    limited = Tokenizer.from_file(str(TEACHER / "tokenizer.json"))
    whole = len(limited.encode("Fellow citizens of the Senate").ids)
    limited.enable_truncation(2)
    limited.enable_padding(length=32)
    limited.save(str(tmp_path / "tokenizer.json"))
    arguments = ["score", "--teacher", server.address, "--tokenizer", str(tmp_path), "--json", "-"]
    assert main([*arguments, "Fellow citizens of the Senate"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rows"]) == whole


@pytest.mark.parametrize("kind", ["llama2", "llama2-add-bos-false", "llama2-add-eos", "pythia-template", "roberta"])
def test_score_special_tokens_around_a_text_are_those_of_transformers(kind):
    directory = ROOT / "language-model/src/test/resources/golden-tokenizers" / kind
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    for text in json.loads((directory / "golden.json").read_text())["texts"]:
        assert _with_special_tokens(tokenizer, directory, text["text"]) == text["ids"]


def test_score_tokenizer_of_another_vocabulary_is_refused(server, tmp_path, capsys):
    other = Tokenizer.from_file(str(TEACHER / "tokenizer.json"))
    other.add_tokens(["one more"])
    other.save(str(tmp_path / "tokenizer.json"))
    assert main(["score", "--teacher", server.address, "--tokenizer", str(tmp_path), "Fellow citizens"]) == 1
    assert "vocabulary size: 4096 (expected: 4097)" in capsys.readouterr().err


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
def test_main_wrong_usage_is_one_line_and_its_code(capsys, arguments, code, what):
    try:
        found = main(list(arguments))
    except SystemExit as e:  # argparse's
        found = e.code
    said = capsys.readouterr().err.splitlines()
    assert found == code
    assert what in said[-1]
    assert len(said) == 1 or said[0].startswith("usage: ")


def test_doctor_says_what_works(server, capsys):
    code = main(["doctor", "--teacher", server.address, "--json", "-"])
    figures = json.loads(capsys.readouterr().out)
    assert code == 0, figures
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
    assert main(["export", str(captured), "--out", str(tmp_path / "all.parquet")]) == 0
    whole = pq.read_table(tmp_path / "all.parquet")
    capture = lyne.Capture(captured)
    assert whole.num_rows == capture.manifest["sequences"]
    assert json.loads(whole.schema.metadata[b"lyne.teacher"])["model_sha256"] == capture.teacher.model_sha256
    some = ("--out", str(tmp_path / "one.parquet"), "--sequences", str(tmp_path / "ids.jsonl"))
    assert main(["export", str(captured), *some]) == 0
    row = pq.read_table(tmp_path / "one.parquet").to_pylist()[0]
    with capture.open() as stream:
        stream.offer(lyne.TargetSequence(0, ids[:64]))
        targets = stream.take()
    assert row["input_ids"] == ids[:64]
    assert [token for tokens in row["token_ids"] for token in tokens] == targets.ids.tolist()
    assert [lp for lps in row["logprobs"] for lp in lps] == targets.logprobs.tolist()


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
