"""Exports of a capture, read back by the readers that they are for where those are installed, else as their formats are documented."""

from __future__ import annotations

import importlib.util
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from conftest import ROOT, TEACHER, run
from tokenizers import Tokenizer

import lyne
from lyne.__main__ import main
from lyne.export.distillkit import id_bits, pack_ids

IDENTIFIERS = {"seed": 1234, "sequence_length": 63, "train_samples": 4, "blend": {"kind": "blend", "blend": [[1.0, "corpus"]]}}


@pytest.fixture(scope="module")
def windows(captured: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The token ids of the captured windows that are whole."""
    text = (captured.parent / "corpus.txt").read_text()
    ids = [0, *Tokenizer.from_file(str(TEACHER / "tokenizer.json")).encode(text, add_special_tokens=False).ids, 0]
    file = tmp_path_factory.mktemp("windows") / "ids.jsonl"
    whole = [ids[at : at + 64] for at in range(0, len(ids) - 64, 63)]
    file.write_text("".join(json.dumps({"input_ids": window}) + "\n" for window in whole[:4]))
    return file


def expected(captured: Path, windows: Path) -> list[lyne.Targets]:
    found = []
    with lyne.Capture(captured).open(lyne.TopK(16)) as stream:
        for number, line in enumerate(windows.read_text().splitlines()):
            stream.offer(lyne.TargetSequence(number, json.loads(line)["input_ids"]))
            found.append(stream.take())
    return found


def export(captured: Path, windows: Path, *arguments: str) -> int:
    return main(["export", str(captured), "--sequences", str(windows), *arguments])


def unpacked(data: np.ndarray, bits: int, k: int) -> np.ndarray:
    """Ids of so many bits each, the highest first, as DistillKit's documentation has them."""
    stream = np.unpackbits(data, axis=-1)[..., : bits * k].reshape(*data.shape[:-1], k, bits).astype(np.int64)
    return (stream << np.arange(bits - 1, -1, -1)).sum(-1)


def as_documented(row: dict, compressor: dict) -> tuple[np.ndarray, np.ndarray]:
    """Ids and log-probabilities of a row whose values are all exact."""
    assert compressor["exact_k"] == compressor["k"] and not compressor["delta_encoding"]
    values = np.array(row["compressed_logprobs"], dtype=np.uint8).view("<f4")
    packed = np.array(row["bytepacked_indices"], dtype=np.uint8)
    return unpacked(packed, int(np.ceil(np.log2(compressor["d"]))), compressor["k"]), values


def by_its_own_reader(row: dict, compressor: dict) -> tuple[np.ndarray, np.ndarray]:
    """The same by DistillKit itself."""
    from distillkit.compression import DistributionQuantizationConfig, LogprobCompressor

    own = {name: torch.tensor(row[name]) for name in ("compressed_logprobs", "bytepacked_indices")}
    ids, values = LogprobCompressor(DistributionQuantizationConfig(**compressor)).decompress_to_sparse(own)
    return ids.numpy(), values.numpy()


#: DistillKit is on no package index; where it is installed, its own reader reads, too.
DISTILLKIT = [as_documented, *([by_its_own_reader] if importlib.util.find_spec("distillkit") else [])]


@pytest.mark.parametrize("reader", DISTILLKIT, ids=lambda reader: reader.__name__)
def test_export_distillkit_is_read_back_with_its_digests(captured, windows, tmp_path, reader):
    import pyarrow.parquet as pq

    assert export(captured, windows, "--to", "distillkit", "--out", str(tmp_path / "out")) == 0
    table = pq.read_table(tmp_path / "out/data_0.parquet")
    manifest = lyne.Capture(captured).manifest
    assert json.loads(table.schema.metadata[b"lyne.teacher"]) == manifest["teacher"]
    configuration = yaml.safe_load((tmp_path / "out/teacher.yaml").read_text())["teacher"]
    assert configuration["kind"] == "dataset" and configuration["logprob_compressor"]["d"] == 4096
    rows = table.to_pylist()
    assert len(rows) == 4
    for row, targets in zip(rows, expected(captured, windows), strict=True):
        ids, values = reader(row, configuration["logprob_compressor"])
        assert row["input_ids"] == targets.sequence.tokens[:-1].tolist()
        assert ids.tolist() == targets.ids.reshape(-1, 16).tolist()
        assert values.tobytes() == targets.logprobs.tobytes()


@pytest.mark.parametrize("vocabulary", [2, 3, 4096, 4097, 131_072, 151_936, 1 << 20])
def test_pack_ids_any_vocabulary_is_unpacked_again(vocabulary):
    ids = np.random.default_rng(1).integers(0, vocabulary, (5, 7)).astype(np.int32)
    bits = id_bits(vocabulary)
    assert bits == int(np.ceil(np.log2(vocabulary)))
    assert unpacked(pack_ids(ids, bits), bits, 7).tolist() == ids.tolist()


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


def test_export_megatron_is_read_back_as_documented_with_its_digests(captured, windows, tmp_path):
    import zstandard

    (tmp_path / "identifiers.json").write_text(json.dumps(IDENTIFIERS))
    arguments = ("--global-batch", "2", "--micro-batch", "1", "--identifiers", str(tmp_path / "identifiers.json"))
    assert export(captured, windows, "--to", "megatron", "--out", str(tmp_path / "out"), *arguments) == 0
    (path,) = (tmp_path / "out").iterdir()
    assert path.name == "cp0_dp0__1.tar"
    found = members(path)
    assert list(found) == ["_meta.json", "0.pt.zst", "1.pt.zst"]
    meta = json.loads(found["_meta.json"])
    assert meta["hash"] == "8474a00ca970f162eee20bff0bd0adc8"
    assert meta["lyne.teacher"] == lyne.Capture(captured).manifest["teacher"]
    targets = iter(expected(captured, windows))
    for iteration in range(2):
        data = zstandard.ZstdDecompressor().decompress(found[f"{iteration}.pt.zst"])
        tensors = torch.load(io.BytesIO(data), weights_only=True)
        assert [len(column) for column in tensors.values()] == [2, 2, 2]
        for values, low, high in zip(tensors["values"], tensors["indices_low"], tensors["bit_17"], strict=True):
            own = next(targets)
            ids = (high.long() << 16) | low.long()
            assert values.shape == (63, 1, 16) and values.dtype == torch.float32
            assert values[:, 0].numpy().tobytes() == own.logprobs.tobytes()
            assert ids[:, 0].flatten().tolist() == own.ids.tolist()


def test_export_megatron_shorter_rows_are_marked_as_the_format_does(server, tmp_path):
    text = tmp_path / "corpus.txt"
    text.write_text((ROOT / "docs/glossary.md").read_text()[:1500])
    run(
        "capture", "--teacher", server.address, "--tokenizer", str(TEACHER), "--corpus", str(text), "--context", "32",
        "--selection", "top_p_k", "--top-p", "0.5", "--top-k", "8", "--row-precision", "exact", "--out", str(tmp_path / "capture"),
    )  # fmt: skip
    ids = [0, *Tokenizer.from_file(str(TEACHER / "tokenizer.json")).encode(text.read_text(), add_special_tokens=False).ids]
    (tmp_path / "ids.jsonl").write_text(json.dumps(ids[:32]) + "\n")
    with pytest.raises(ValueError, match=r"selection: TopPK.* \(expected: top_k or top_fraction"):
        lyne.export.to_distillkit(tmp_path / "capture", tmp_path / "out", tmp_path / "ids.jsonl")
    batches = lyne.export.MegatronBatches(1, 1, IDENTIFIERS)
    assert lyne.export.to_megatron(tmp_path / "capture", tmp_path / "out", tmp_path / "ids.jsonl", batches) == 1
    import zstandard

    data = zstandard.ZstdDecompressor().decompress(members(tmp_path / "out/cp0_dp0__0.tar")["0.pt.zst"])
    tensors = torch.load(io.BytesIO(data), weights_only=True)
    values, low, high = (tensors[name][0][:, 0] for name in ("values", "indices_low", "bit_17"))
    kept = values > -1e3
    counts = kept.sum(-1)
    assert counts.min() < counts.max() <= 8 and counts.min() >= 1
    assert (kept == (torch.arange(8) < counts[:, None])).all()
    assert (low.long()[~kept] == 0xFFFF).all() and high[~kept].all()


def test_export_of_responses_has_their_rows_and_refuses_where_all_are_needed(server, tmp_path):
    import pyarrow.parquet as pq

    prompt, response = "Fellow citizens", " of the Senate and of the House"
    (tmp_path / "corpus.jsonl").write_text(json.dumps({"prompt": prompt, "response": response}) + "\n")
    run(
        "capture", "--teacher", server.address, "--tokenizer", str(TEACHER), "--corpus", str(tmp_path / "corpus.jsonl"), "--context", "32",
        "--top-k", "8", "--row-precision", "exact", "--out", str(tmp_path / "capture"),
    )  # fmt: skip
    encode = Tokenizer.from_file(str(TEACHER / "tokenizer.json")).encode
    parts = [encode(part, add_special_tokens=False).ids for part in (prompt, response)]
    ids = [0, *parts[0], *parts[1], 0]
    (tmp_path / "ids.jsonl").write_text(json.dumps(ids) + "\n")
    assert lyne.export.to_parquet(tmp_path / "capture", tmp_path / "rows.parquet", tmp_path / "ids.jsonl") == 1
    with pytest.raises(ValueError, match="is there"):
        lyne.export.to_parquet(tmp_path / "capture", tmp_path / "rows.parquet", tmp_path / "ids.jsonl")
    (row,) = pq.read_table(tmp_path / "rows.parquet").to_pylist()
    assert row["input_ids"] == ids
    assert row["positions"] == list(range(len(parts[0]), len(ids) - 1))
    with pytest.raises(ValueError, match=rf"rows at {len(parts[1]) + 1} of {len(ids) - 1} positions"):
        lyne.export.to_distillkit(tmp_path / "capture", tmp_path / "out", tmp_path / "ids.jsonl")


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (("--to", "distillkit"), 2, "sequences: none with --to distillkit"),
        (("--to", "megatron", "--sequences", "WINDOWS"), 2, "global_batch: None with --to megatron"),
        (("--to", "distillkit", "--sequences", "WINDOWS", "--global-batch", "2"), 2, "global_batch: 2 with --to distillkit"),
        (("--to", "distillkit", "--sequences", "OTHER"), 1, "not in"),
        (
            ("--to", "megatron", "--sequences", "WINDOWS", "--global-batch", "3", "--micro-batch", "1", "--identifiers", "IDENTIFIERS"),
            2,
            "1 sequences left over (expected: a multiple of global_batch=3)",
        ),
        (
            ("--to", "megatron", "--sequences", "WINDOWS", "--global-batch", "3", "--micro-batch", "2", "--identifiers", "IDENTIFIERS"),
            2,
            "global_batch: 3 (expected: a multiple of micro_batch=2, above 0)",
        ),
    ],
)
def test_export_wrong_usage_is_refused_and_leaves_nothing(captured, windows, tmp_path, capsys, arguments, code, what):
    (tmp_path / "other.jsonl").write_text("[1, 2, 3]\n")
    (tmp_path / "identifiers.json").write_text(json.dumps(IDENTIFIERS))
    files = {"WINDOWS": str(windows), "OTHER": str(tmp_path / "other.jsonl"), "IDENTIFIERS": str(tmp_path / "identifiers.json")}
    given = [files.get(argument, argument) for argument in arguments]
    assert main(["export", str(captured), "--out", str(tmp_path / "out"), *given]) == code
    assert what in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["identifiers.json", "other.jsonl"]
