"""The real teacher server, started by the launcher: every form of rows, failover between processes, captures, and its own words."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import capture_files
import numpy as np
import pytest
from certificates import make_certificate
from conftest import TEACHER, Server, run, serve
from tokenizers import Tokenizer

import lyne
from lyne.wire import decode
from lyne.wire.block import decode_checked

TEXT = "Fellow citizens of the Senate and of the House of Representatives, the state of the Union is strong."


def tokens() -> np.ndarray:
    return np.array(Tokenizer.from_file(str(TEACHER / "tokenizer.json")).encode(TEXT, add_special_tokens=False).ids, dtype=np.int32)


FORMS = [
    (lyne.TopK(8, temperatures=(2.0, 0.5)), "exact", True),
    (lyne.TopK(16), "compact", False),
    (lyne.TopPK(0.9, 32), "half", False),
    (lyne.TopPK(0.95, 50, 2.0, temperatures=(2.0,)), "compact", False),
    (lyne.TopFraction(0.01), "compact", False),
    (lyne.Draws(50, 0, 7), "compact", False),
    (lyne.Draws(20, 4, 1 << 63, temperatures=(2.0,)), "half", False),
    (lyne.Chosen(3), "exact", False),
    (lyne.LabelOnly(temperatures=(4.0,)), "compact", False),
]


@pytest.mark.parametrize(("selection", "precision", "raw"), FORMS)
def test_take_every_form_of_the_real_server_is_checked_and_equal_in_both_decoders(server, selection, precision, raw):
    ids = tokens()
    chosen = [np.array([0, 5, 4095], dtype=np.int32)] * (len(ids) - 1) if isinstance(selection, lyne.Chosen) else None
    with lyne.TeacherClient(server.address) as client, client.open(selection, precision, raw) as stream:
        stream.offer(lyne.TargetSequence(0, ids, chosen=chosen))
        targets = stream.take()
    assert targets.rows == len(ids) - 1
    mass = np.add.reduceat(np.append(np.exp(targets.logprobs), 0), targets.offsets[:-1]) * (np.diff(targets.offsets) > 0)
    np.testing.assert_allclose(mass + np.exp(targets.log_tail), 1, atol=2e-3)
    for block in targets.blocks:
        native, python = decode(block, True), decode(block, False)
        at = np.searchsorted(targets.positions, native.header.positions)
        decode_checked(block, ids, None if chosen is None else [chosen[i] for i in at], native=False)
        for name in (field.name for field in dataclasses.fields(native) if field.name != "header"):
            assert getattr(native, name).tobytes() == getattr(python, name).tobytes(), name


def test_take_rows_equal_those_that_the_java_client_prints(server):
    arguments = ("--teacher", server.address, "--tokenizer", str(TEACHER), "--top-k", "5", "--json", "-", TEXT)
    printed = json.loads(run("score", *arguments))
    begun = np.concatenate([[0], tokens()]).astype(np.int32)  # the command begins a text as a document begins
    with lyne.TeacherClient(server.address) as client, client.open(lyne.TopK(5)) as stream:
        stream.offer(lyne.TargetSequence(0, begun))
        targets = stream.take()
    assert len(printed) >= targets.rows
    for row in range(targets.rows):
        at = slice(targets.offsets[row], targets.offsets[row + 1])
        assert [entry["id"] for entry in printed[row]["top"]] == targets.ids[at].tolist()
        found = [np.float32(entry["log_probability"]) for entry in printed[row]["top"]]
        assert found == targets.logprobs[at].tolist()
        assert np.float32(printed[row]["next_log_probability"]) == targets.label_logprob[row]


def test_take_compact_rows_begin_with_the_most_probable_token_where_others_share_its_level(server):
    ids = np.random.default_rng(3).integers(0, 4096, (12, 256)).astype(np.int32)
    ties = 0
    with lyne.TeacherClient(server.address) as client, client.open(lyne.TopK(64)) as exact, client.open(lyne.TopK(64), "compact") as coded:
        for number, window in enumerate(ids):
            exact.offer(lyne.TargetSequence(number, window))
            coded.offer(lyne.TargetSequence(number, window))
            expected, found = exact.take(), coded.take()
            first = found.offsets[:-1]
            assert found.ids[first].tolist() == expected.ids[expected.offsets[:-1]].tolist()
            ties += int(((found.logprobs[first] == found.logprobs[first + 1]) & (found.ids[first] > found.ids[first + 1])).sum())
            for block in found.blocks:
                assert decode(block, True).ids.tolist() == decode(block, False).ids.tolist()
    assert ties > 0


def test_stream_server_killed_mid_run_loses_nothing_to_the_other():
    one, other = serve(), serve()
    ids = np.random.default_rng(2).integers(0, 4096, (40, 64)).astype(np.int32)
    try:
        options = lyne.ClientOptions(window_sequences=16, first_backoff=0.05)
        with lyne.TeacherClient(f"{one.address},{other.address}", options) as client, client.open(lyne.TopK(8)) as stream:
            taken, offered = [], 0
            while len(taken) < len(ids):
                while offered < len(ids) and stream.offer(lyne.TargetSequence(offered, ids[offered])):
                    offered += 1
                taken.append(stream.take())
                if len(taken) == 5:
                    one.kill()
        assert [targets.sequence.id for targets in taken] == list(range(len(ids)))
    finally:
        for server in (one, other):
            server.kill()


def test_open_unknown_teacher_is_refused_in_the_servers_words(server):
    with pytest.raises(lyne.TeacherRefusedError, match=r"NOT_FOUND: .*nobody"):
        lyne.TeacherClient(server.address, lyne.ClientOptions(teacher="nobody"))


def test_open_nobody_there_says_what_to_do():
    with pytest.raises(lyne.TeacherUnavailableError, match=r"connection refused \(is ./lyne serve running there\?\)"):
        lyne.TeacherClient("127.0.0.1:1", lyne.ClientOptions(open_timeout=0.5))


def test_stream_wrong_checksum_or_token_never_reaches_training(server):
    with lyne.TeacherClient(server.address) as client, client.open(lyne.TopK(4)) as stream:
        with pytest.raises(ValueError, match=r"513 tokens \(expected: 1..context_length=512\)"):
            stream.offer(lyne.TargetSequence(0, np.zeros(513, dtype=np.int32)))


class TestCapture:
    def windows(self, captured: Path) -> list[np.ndarray]:
        """The windows of the captured text, as the Java side cut them: of 64 tokens, one of them twice."""
        text = (captured.parent / "corpus.txt").read_text()
        ids = [0, *Tokenizer.from_file(str(TEACHER / "tokenizer.json")).encode(text, add_special_tokens=False).ids, 0]
        return [np.array(ids[at : at + 64], dtype=np.int32) for at in range(0, len(ids) - 1, 63)]

    def test_take_every_captured_window_equals_the_stream(self, captured, server):
        capture = lyne.Capture(captured)
        selection = lyne.TopK(16, temperatures=(2.0,))
        found = 0
        with capture.open() as stored, lyne.TeacherClient(server.address) as client, client.open(selection, "compact") as live:
            for number, window in enumerate(self.windows(captured)):
                stored.offer(lyne.TargetSequence(number, window))
                try:
                    mine = stored.take()
                except lyne.SequenceFailedError:
                    continue
                live.offer(lyne.TargetSequence(number, window))
                theirs = live.take()
                assert [*mine.blocks] == [*theirs.blocks]
                assert mine.logprobs.tobytes() == theirs.logprobs.tobytes()
                found += mine.rows
        assert found == capture.manifest["positions"]

    def test_take_some_positions_are_cut_out_of_the_captured_rows(self, captured):
        window = self.windows(captured)[0]
        with lyne.Capture(captured).open(lyne.TopK(16)) as stored:
            stored.offer(lyne.TargetSequence(0, window))
            stored.offer(lyne.TargetSequence(1, window, np.array([3, 4, 9])))
            whole, some = stored.take(), stored.take()
        assert some.log_tail.tolist() == whole.log_tail[[3, 4, 9]].tolist()
        assert some.ids.tolist() == np.concatenate([whole.ids[16 * at : 16 * at + 16] for at in (3, 4, 9)]).tolist()
        assert whole.tau_offsets.shape[1] == 0

    def test_take_sequence_that_is_not_there_fails_alone(self, captured):
        with lyne.Capture(captured).open() as stored:
            stored.offer(lyne.TargetSequence(5, np.arange(10)))
            with pytest.raises(lyne.SequenceFailedError, match="sequence 5: NOT_FOUND"):
                stored.take()

    @pytest.mark.parametrize(
        ("arguments", "what"),
        [
            ({"selection": lyne.TopK(8)}, r"expected: TopK\(.*k=16"),
            ({"precision": "exact"}, "expected: compact, as it was captured"),
            ({"raw_logits": True}, "expected: False, as it was captured"),
            ({"selection": lyne.TopK(16, temperatures=(3.0,))}, "as it was captured"),
        ],
    )
    def test_open_another_form_is_refused(self, captured, arguments, what):
        with pytest.raises(lyne.CaptureError, match=what):
            lyne.Capture(captured).open(**arguments)

    def test_open_capture_of_an_engine_has_the_error_of_its_tails(self, captured, tmp_path):
        capture = capture_files.copy(captured, tmp_path)
        assert "tail_error" not in lyne.Capture(capture).manifest["teacher"]
        assert lyne.Capture(capture).identity().tail_error == 0
        capture_files.change_manifest(capture, teacher__tail_error=1e-6)
        capture_files.own(capture, lyne.Capture(captured).manifest["sequences"])
        assert lyne.Capture(capture).identity().tail_error == lyne.Capture(capture).teacher.tail_error == 1e-6

    def test_open_another_teacher_is_refused(self, captured):
        with pytest.raises(lyne.TeacherMismatchError, match="model digest"):
            lyne.Capture(captured).open(expectation=lyne.Expectation(model_sha256="00" * 32))

    @pytest.mark.parametrize(
        ("name", "at", "what"),
        [
            ("shard-000000.blocks", 10, "another checksum of its header"),
            ("shard-000000.blocks", -5, "another checksum of its trailer"),
            ("sequences.index", 70, "another checksum of its records"),
            ("manifest.json", 1, "manifest.json"),
        ],
    )
    def test_open_damaged_file_is_refused(self, captured, tmp_path, name, at, what):
        self.damage(captured, tmp_path, name, at)
        with pytest.raises(lyne.CaptureError, match=what):
            lyne.Capture(tmp_path)

    def test_take_damaged_entry_fails_alone_with_where(self, captured, tmp_path):
        self.damage(captured, tmp_path, "shard-000000.blocks", 100)
        said = []
        with lyne.Capture(tmp_path).open() as stored:
            for number, window in enumerate(self.windows(captured)[:-1]):
                stored.offer(lyne.TargetSequence(number, window))
                try:
                    stored.take()
                except lyne.SequenceFailedError as e:
                    said.append(str(e))
        assert [what for what in said if "DATA_LOSS" in what and "shard-000000.blocks, offset" in what] == said[:1]

    @staticmethod
    def damage(captured: Path, copy: Path, name: str, at: int) -> None:
        capture_files.copy(captured, copy)
        data = bytearray((copy / name).read_bytes())
        data[at] ^= 0x40
        (copy / name).write_bytes(data)

    def test_attach_capture_gives_the_columns_without_a_server(self, captured):
        window = self.windows(captured)[0]
        with lyne.Teacher(captured, temperature=2.0) as teacher:
            batch = teacher.add_targets({"input_ids": window[None]})
        assert batch["target_mask"].sum().item() == 16 * 63
        assert (batch["target_logprobs"][batch["target_mask"]] < 0).all()


def test_serve_demo_has_the_digest_of_its_description(server: Server):
    with lyne.Teacher(server.address, lyne.TopK(4), expectation=lyne.Expectation(vocabulary_size=4096)) as teacher:
        found = teacher.describe()
    assert len(found.model_sha256) == 64
    assert found.vocabulary_size == 4096


def test_serve_that_wants_certificates_answers_who_shows_one(tmp_path):
    key, pem = make_certificate(tmp_path, "teacher.test")
    own_key, own_pem = make_certificate(tmp_path, "student.test")
    server = serve("--tls-cert", str(pem), "--tls-key", str(key), "--tls-client-ca", str(own_pem))
    try:
        shown = lyne.Security(tls_ca=pem, tls_server_name="teacher.test", tls_client_cert=own_pem, tls_client_key=own_key)
        with lyne.TeacherClient(server.address, lyne.ClientOptions(security=shown)) as client:
            assert client.describe().vocabulary_size == 4096
        hidden = lyne.ClientOptions(security=lyne.Security(tls_ca=pem, tls_server_name="teacher.test"), open_timeout=2.0)
        with pytest.raises((lyne.TeacherRefusedError, lyne.TeacherUnavailableError)):
            lyne.TeacherClient(server.address, hidden)
    finally:
        server.kill()
