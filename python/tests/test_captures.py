"""Captures: that what is read is what the manifest says, by its identity, its counts and the hashes of its blocks."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import capture_files
import numpy as np
import pytest
import rows
from conftest import ROOT

import lyne
from lyne.manifest import read_manifest

IDENTITIES = ROOT / "proto/src/test/resources/dev/lyne/wire/capture-identities.txt"
WINDOW, OTHER = np.arange(9, dtype=np.int32), np.arange(9, 0, -1, dtype=np.int32)
ALL = np.arange(8, dtype=np.int32)


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A capture of two sequences, the first of which has two blocks."""
    directory = tmp_path / "capture"
    directory.mkdir()
    return capture_files.write_capture(directory, [(WINDOW, [ALL[:5], ALL[5:]]), (OTHER, [ALL])])


def take(directory: Path, tokens: np.ndarray = WINDOW, positions: np.ndarray | None = None) -> lyne.Targets:
    with lyne.Capture(directory).open() as stream:
        stream.offer(lyne.TargetSequence(1, tokens, positions))
        return stream.take()


@pytest.mark.parametrize("golden", IDENTITIES.read_text(encoding="utf-8").splitlines())
def test_read_manifest_identity_is_that_of_the_java_side(tmp_path, golden):
    expected, text = golden.split(" ", 1)
    (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    found, identity = read_manifest(tmp_path)
    assert found == json.loads(text)
    assert identity.hex() == expected


def test_take_rows_of_several_blocks_are_all_there(capture):
    found = take(capture)
    np.testing.assert_allclose(found.label_logprob, [rows.distribution(WINDOW, at)[WINDOW[at + 1]] for at in ALL], rtol=1e-6)


def test_find_entry_without_all_positions_is_passed_over(tmp_path):
    capture_files.write_capture(tmp_path, [(WINDOW, [np.array([0, 1, 5])])])
    assert take(tmp_path, positions=np.array([1, 5])).rows == 2
    with pytest.raises(lyne.SequenceFailedError, match="NOT_FOUND"):
        take(tmp_path, positions=np.array([1, 4]))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"teacher__model_sha256": "ab" * 32}, "sequences.index: belongs to capture .* this manifest's"),
        ({"teacher__context_length": 256}, "belongs to capture"),
        ({"teacher__deterministic": True}, "belongs to capture"),
        ({"teacher__tail_error": 1e-6}, "belongs to capture"),
        ({"rows__selection": {"kind": "top_k", "k": 3, "temperatures": []}}, "belongs to capture"),
        ({"packing__window_rule": "another"}, "belongs to capture"),
        ({"teacher__compute_precision": "bfloat16"}, "belongs to capture"),
        ({"teacher__model_sha256": "AB" * 32}, r"teacher.model_sha256: 'ABAB.* \(expected: 64 lower-case"),
        ({"packing__seed": 1}, "packing: seed .*expected: the keys"),
        ({"comment": "mine"}, "manifest: comment .*expected: the keys"),
        ({"windows": 5}, "1 shards .expected: 3, of 5 windows, 2 a shard"),
        ({"positions": 17}, "positions: 17 .expected: 16, the sum of its shards"),
        ({"shards": [{"bytes": 3, "sequences": 2, "positions": 16, "block_bytes": 1}]}, "block_bytes: .*expected: 1, the sum"),
    ],
)
def test_open_changed_manifest_is_refused(capture, changes, what):
    capture_files.change_manifest(capture, **changes)
    with pytest.raises(lyne.CaptureError, match=what):
        lyne.Capture(capture)


def test_open_shard_of_another_capture_is_refused(capture, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    capture_files.write_capture(other, [(WINDOW, [ALL[:5], ALL[5:]]), (OTHER, [ALL])])
    capture_files.change_manifest(other, packing__overlap=2)
    capture_files.own(other, 2)
    (capture / "shard-000000.blocks").write_bytes((other / "shard-000000.blocks").read_bytes())
    with pytest.raises(lyne.CaptureError, match=r"shard-000000.blocks: belongs to capture .* this manifest's"):
        lyne.Capture(capture)


@pytest.mark.parametrize(
    ("at", "value", "what"),
    [
        (8, 3, "a trailer of 3 records at"),
        (16, 17, "positions: 17 .expected: 16, as in the manifest"),
        (24, 1, "block_bytes: 1 .expected: "),
        (32, 0, "a trailer of 2 records at"),
    ],
)
def test_open_shard_that_says_otherwise_than_the_manifest_is_refused(capture, at, value, what):
    file = capture / "shard-000000.blocks"
    data = bytearray(file.read_bytes())
    trailer = bytearray(data[-40:-4])
    trailer[at : at + 4] = struct.pack("<I", value)
    file.write_bytes(data[:-40] + capture_files.sealed(trailer))
    with pytest.raises(lyne.CaptureError, match=what):
        lyne.Capture(capture)


def change_record(capture: Path, at: int, value: int) -> None:
    """Changes a number of the index's record of the first sequence."""
    file = capture / "sequences.index"
    data = bytearray(file.read_bytes())
    records = data[52:-4]
    start = records.index(lyne.wire.digests.sequence_key(WINDOW)) + at
    records[start : start + 4] = struct.pack("<I", value)
    file.write_bytes(data[:52] + capture_files.sealed(records))


@pytest.mark.parametrize(
    ("at", "value", "what"),
    [
        (32, 1 << 20, "an entry of .* bytes in the index .expected: one that ends by"),
        (32, 8, "an entry of .* bytes in the index"),
        (40, 7, r"sequences.index: shard 7 \(expected: 0..0\)"),
        (44, 1 << 30, "an entry of 1073741824 bytes in the index"),
        (48, 7, "8 rows .expected: 7 as in the index"),
    ],
)
def test_take_record_that_points_elsewhere_fails_alone(capture, at, value, what):
    change_record(capture, at, value)
    with pytest.raises(lyne.SequenceFailedError, match=f"DATA_LOSS: .*{what}"):
        take(capture)
    assert take(capture, OTHER).rows == 8


def test_take_entry_of_another_sequence_fails_alone(capture):
    place = capture / "shard-000000.blocks"
    file = capture / "sequences.index"
    data = file.read_bytes()
    records = [data[52 + 64 * i : 116 + 64 * i] for i in range(2)]
    swapped = [records[0][:32] + records[1][32:], records[1][:32] + records[0][32:]]
    file.write_bytes(data[:52] + capture_files.sealed(b"".join(swapped)))
    for tokens in (WINDOW, OTHER):
        with pytest.raises(lyne.SequenceFailedError, match=f"DATA_LOSS: {place}, offset .*a block of other tokens"):
            take(capture, tokens)
    with pytest.raises(lyne.CaptureError, match="a block of other tokens"):
        lyne.Capture(capture).find_any(lyne.TargetSequence(0, WINDOW))
