"""The client against a teacher that misbehaves."""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
import time
from contextlib import contextmanager

import grpc
import numpy as np
import pytest
import rows
from certificates import make_certificate
from fake_teacher import EXHAUSTED, INTERNAL, INVALID, FakeTeacher, Response, failed, refuse

import lyne
from lyne.__main__ import main
from lyne.client.options import parse_addresses
from lyne.v1 import teacher_service_pb2

QUICK = {"first_backoff": 0.01, "max_backoff": 0.05, "open_timeout": 10.0, "retry_for": 20.0}


def options(**changes) -> lyne.ClientOptions:
    return lyne.ClientOptions(**{**QUICK, **changes})


def sequence(number: int, length: int = 9) -> lyne.TargetSequence:
    return lyne.TargetSequence(number, np.random.default_rng(number).integers(0, rows.VOCABULARY, length))


def require_right(targets: lyne.Targets) -> None:
    """Each row is the made-up teacher's."""
    tokens = targets.sequence.tokens
    for row, position in enumerate(targets.positions):
        lp = rows.distribution(tokens, int(position))
        at = slice(targets.offsets[row], targets.offsets[row + 1])
        np.testing.assert_allclose(targets.logprobs[at], np.sort(lp)[::-1][:4], rtol=1e-6)
        np.testing.assert_allclose(targets.label_logprob[row], lp[tokens[position + 1]], rtol=1e-6)


def collect(address: str, count: int, **changes) -> tuple[list[lyne.Targets], lyne.StreamStatistics]:
    with lyne.TeacherClient(address, options(**changes)) as client, client.open(lyne.TopK(4)) as stream:
        taken, offered = [], 0
        while len(taken) < count:
            while offered < count and stream.offer(sequence(offered)):
                offered += 1
            taken.append(stream.take())
        return taken, stream.statistics()


def stamping(source: int, tier: str) -> FakeTeacher:
    """A teacher that says so of where its rows came from."""
    teacher = FakeTeacher()

    def behave(sequence, number):
        answers = teacher.honest(sequence)
        for answer in answers:
            if answer.HasField("rows"):
                answer.rows.source, answer.rows.tier = source, tier
        return answers

    teacher.behave = behave
    return teacher


def test_take_many_sequences_come_in_the_order_of_their_offers():
    with FakeTeacher() as teacher:
        taken, counts = collect(teacher.address, 40, window_sequences=7)
    assert [targets.sequence.id for targets in taken] == list(range(40))
    for targets in taken:
        require_right(targets)
    assert counts.coverage == 1
    assert counts.received_by_source == {"computed": 40 * 8}


@pytest.mark.parametrize(("source", "tier", "word"), [(1, "", "computed"), (2, "", "coalesced"), (3, "ring", "ring"), (6, "", "replay")])
def test_take_rows_of_any_source_are_counted_by_its_word(source, tier, word):
    with stamping(source, tier) as teacher:
        _, counts = collect(teacher.address, 1)
    assert counts.received_by_source == {word: 8}


@pytest.mark.parametrize(("source", "tier"), [(0, ""), (4, ""), (3, ""), (1, "disk")])
def test_take_rows_of_unknown_origin_break_the_protocol(source, tier):
    with stamping(source, tier) as teacher:
        with pytest.raises(lyne.LyneError, match="rows of unknown origin"):
            collect(teacher.address, 1, retry_for=2)


def test_offer_full_window_says_no():
    with FakeTeacher() as teacher, lyne.TeacherClient(teacher.address, options(window_sequences=2)) as client:
        with client.open(lyne.TopK(4)) as stream:
            assert stream.offer(sequence(0)) and stream.offer(sequence(1)) and not stream.offer(sequence(2))
            stream.take()
            assert stream.offer(sequence(2))


def test_stream_credit_of_one_never_has_two_in_flight():
    held = threading.Semaphore(1)

    def behave(asked, number):
        assert held.acquire(blocking=False), "a sequence came before the one before was answered"

        def answer(context):
            yield from teacher.honest(asked)[:-1]
            held.release()
            yield teacher.honest(asked)[-1]

        return answer

    with FakeTeacher(behave) as teacher:
        teacher.credit = teacher_service_pb2.Credit(sequences=1, tokens=1 << 20)
        taken, _ = collect(teacher.address, 10)
    assert len(taken) == 10


def test_stream_call_broken_in_a_sequence_asks_again_and_loses_nothing():
    def behave(asked, number):
        def abort(context):
            yield teacher.honest(asked)[0]
            context.abort(grpc.StatusCode.UNAVAILABLE, "going away")

        return abort if number in (2, 9) else None

    with FakeTeacher(behave) as teacher:
        taken, counts = collect(teacher.address, 20)
    assert [targets.sequence.id for targets in taken] == list(range(20))
    for targets in taken:
        require_right(targets)
    assert counts.reconnects == 2
    assert counts.reasked_sequences >= 2
    assert counts.discarded_bytes > 0


def test_stream_replica_whose_device_stands_still_loses_its_sequences_to_another():
    released = threading.Event()

    def stuck(asked, number):
        def answer(context):
            while not released.wait(0.05):
                yield Response(progress=teacher_service_pb2.Progress(device_positions=7))

        return answer

    with FakeTeacher(stuck) as still, FakeTeacher() as working:
        taken, counts = collect(f"{still.address},{working.address}", 12, progress_timeout=0.4)
        released.set()
        assert still.sequences and working.sequences
    assert [targets.sequence.id for targets in taken] == list(range(12))
    assert counts.reasked_sequences >= 1


def test_stream_replica_whose_device_moves_keeps_its_sequence():
    def busy(asked, number):
        def answer(context):
            for moved in range(12):
                yield Response(progress=teacher_service_pb2.Progress(device_positions=moved))
                pause.wait(0.1)
            yield from teacher.honest(asked)

        return answer

    pause = threading.Event()
    with FakeTeacher(busy) as teacher:
        taken, counts = collect(teacher.address, 1, progress_timeout=0.5, retry_for=0.6)
    assert counts.reasked_sequences == 0
    require_right(taken[0])


def test_stream_lone_replica_that_is_heard_keeps_its_sequence_though_its_device_stands_still():
    def busy(asked, number):
        def answer(context):
            for _ in range(15):
                yield Response(progress=teacher_service_pb2.Progress(device_positions=5))
                pause.wait(0.1)
            yield from teacher.honest(asked)

        return answer

    pause = threading.Event()
    with FakeTeacher(busy) as teacher:
        taken, counts = collect(teacher.address, 1, progress_timeout=0.5)
    assert counts.reasked_sequences == 0
    require_right(taken[0])


def test_stream_sequence_that_fails_over_again_is_kept_while_rows_come():
    first = []

    def behave(asked, number):
        if list(asked.token_ids) == sequence(0).tokens.tolist():
            first.append(number)
            return failed(asked, EXHAUSTED, "busy") if len(first) < 12 else None
        pause.wait(0.05)
        return None

    pause = threading.Event()
    with FakeTeacher(behave) as teacher:
        taken, _ = collect(teacher.address, 40, retry_for=0.3, window_sequences=40)
    assert len(first) == 12
    assert len(taken) == 40


def test_stream_token_that_is_rotated_is_read_again_and_loses_nothing(tmp_path):
    def behave(asked, number):
        def ended(context):
            token.write_text("me secret-two\n")
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token has expired")
            yield

        return ended if number == 1 else None

    token = tmp_path / "token"
    token.write_text("me secret-1\n")
    with FakeTeacher(behave) as teacher:
        taken, counts = collect(teacher.address, 3, security=lyne.Security(token_file=token))
    assert (len(taken), counts.reconnects) == (3, 1)


def test_stream_no_progress_at_all_ends_with_what_was_tried():
    released = threading.Event()

    def silent(asked, number):
        def answer(context):
            released.wait(20)
            yield from ()

        return answer

    with FakeTeacher(silent) as teacher:
        with pytest.raises(lyne.TeacherUnavailableError, match=r"no rows for 0.5 s with 1 sequences wanted; teacher 127"):
            collect(teacher.address, 1, retry_for=0.5, progress_timeout=10)
        released.set()


def test_stream_sequence_refused_fails_alone_with_the_servers_words():
    def behave(asked, number):
        return failed(asked, INVALID, "token_ids: 99 (expected: 0..63)") if number == 1 else None

    with FakeTeacher(behave) as teacher, lyne.TeacherClient(teacher.address, options()) as client, client.open(lyne.TopK(4)) as stream:
        for number in range(3):
            stream.offer(sequence(number))
        require_right(stream.take())
        with pytest.raises(lyne.SequenceFailedError, match=r"token_ids: 99 \(expected: 0..63\)") as failure:
            stream.take()
        assert (failure.value.sequence_id, failure.value.code) == (1, "INVALID_ARGUMENT")
        require_right(stream.take())
        stream.ask_again(sequence(1))
        require_right(stream.take())


def test_stream_busy_server_is_asked_again_after_the_delay_it_named():
    def behave(asked, number):
        return failed(asked, EXHAUSTED, "queue full", retry_after=0.05) if number < 3 else None

    with FakeTeacher(behave) as teacher:
        taken, counts = collect(teacher.address, 1)
    require_right(taken[0])
    assert counts.reasked_sequences == 3


def test_stream_fault_that_repeats_is_given_up():
    with FakeTeacher(lambda asked, number: failed(asked, INTERNAL, "not finite")) as teacher:
        with pytest.raises(lyne.SequenceFailedError, match=r"INTERNAL: teacher .*: not finite \(after 2 attempts\)"):
            collect(teacher.address, 1)
    assert len(teacher.sequences) == 2


NOT_FOUND = (grpc.StatusCode.NOT_FOUND, "TEACHER_NOT_FOUND", "teacher: fake (expected: other)")
UNKNOWN_TOKEN = (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", "a token that is not known")
GARBLED = (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_MESSAGE", "message: 3 bytes (expected: a request)")


def wait_until(holds) -> None:
    pause, deadline = threading.Event(), time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "waited for half a minute"
        pause.wait(0.01)


class TestHedging:
    """The sequence that is late is asked of a second replica, too: its rows are used once, whichever comes first and whatever dies."""

    @staticmethod
    def take_all(stream, start: int, count: int) -> None:
        """Offers and takes sequences; each comes once, with its own rows."""
        taken, offered = start, start
        while taken < start + count:
            while offered < start + count and stream.offer(sequence(offered)):
                offered += 1
            targets = stream.take()
            assert targets.sequence.id == taken
            require_right(targets)
            taken += 1

    def test_take_late_sequence_is_answered_by_the_other_and_the_loser_is_withdrawn(self):
        released = threading.Event()

        def late(asked, number):
            def answer(context):
                released.wait(30)
                yield from slow.honest(asked)

            return answer if number == 0 else None

        hedging = options(window_sequences=80, hedge_millis=10)
        with FakeTeacher(late) as slow, FakeTeacher() as other:
            slow.credit = teacher_service_pb2.Credit(sequences=1, tokens=1 << 20)
            with lyne.TeacherClient(f"{slow.address},{other.address}", hedging) as client, client.open(lyne.TopK(4)) as stream:
                wait_until(lambda: slow.opens and other.opens)
                first = 0
                while not slow.sequences:
                    self.take_all(stream, first, 80)
                    first += 80
                counts = stream.statistics()
                assert counts.coverage == 1
                assert 1 <= counts.hedges_won <= counts.hedged_sequences <= max(1, first / 20)
                assert counts.reasked_sequences == 0
                released.set()  # too late: nobody wants it, and nobody is harmed by it
                wait_until(lambda: slow.cancelled)
                self.take_all(stream, first, 40)
                assert stream.statistics().received_sequences == first + 40

    def test_take_without_the_option_nothing_is_asked_twice(self):
        def slow(asked, number):
            def answer(context):
                pause.wait(0.03)
                yield from one.honest(asked)

            return answer

        pause = threading.Event()
        with FakeTeacher(slow) as one, FakeTeacher(slow) as other:
            _, counts = collect(f"{one.address},{other.address}", 20)
            assert len(one.sequences) + len(other.sequences) == 20
        assert (counts.hedged_sequences, counts.hedges_won) == (0, 0)

    def test_take_answers_that_cross_are_used_once_and_few_sequences_are_hedged(self):
        random = np.random.default_rng(64)
        times = random.uniform(0, 0.025, 1000).tolist()
        pause = threading.Event()

        def after_a_while(asked, number):
            def answer(context):
                pause.wait(times[number])
                yield from one.honest(asked)

            return answer

        hedging = options(window_sequences=80, hedge_millis=10)
        with FakeTeacher(after_a_while) as one, FakeTeacher(after_a_while) as other:
            with lyne.TeacherClient(f"{one.address},{other.address}", hedging) as client, client.open(lyne.TopK(4)) as stream:
                wait_until(lambda: one.opens and other.opens)
                self.take_all(stream, 0, 200)
                counts = stream.statistics()
        assert counts.received_sequences == counts.asked_sequences == 200
        assert 1 <= counts.hedged_sequences <= 10

    @pytest.mark.parametrize("dying", [1, 2])
    def test_take_replicas_that_have_it_die_it_is_left_to_the_other_or_asked_for_again(self, dying):
        places = itertools.count(1)
        asks: list[int] = []

        def behave(asked, number):
            place = next(places)
            asks.append(place)

            def answer(context):
                if place <= 2:
                    wait_until(lambda: len(asks) >= 2)
                if place <= dying:
                    yield one.honest(asked)[0]
                    context.abort(grpc.StatusCode.UNAVAILABLE, "going away")
                if place == 2:
                    wait_until(lambda: len(one.opens) + len(other.opens) >= 3)  # the one that died is dialled again
                yield from one.honest(asked)

            return answer

        with FakeTeacher(behave) as one, FakeTeacher(behave) as other:
            taken, counts = collect(f"{one.address},{other.address}", 1, hedge_millis=10)
        require_right(taken[0])
        assert len(asks) == (2 if dying == 1 else 3)
        assert counts.hedged_sequences == 1
        assert counts.reasked_sequences == dying - 1
        assert counts.discarded_bytes > 0

    @pytest.mark.parametrize("millis", [-1, float("nan"), 1e9])
    def test_options_hedge_of_no_time_is_refused(self, millis):
        with pytest.raises(ValueError, match=r"hedge_millis: .* \(expected: 0..8.64e7\)"):
            options(hedge_millis=millis)


class TestRefusingReplica:
    @pytest.mark.parametrize("code", ["NOT_FOUND", "UNAUTHENTICATED", "PERMISSION_DENIED", "INVALID_ARGUMENT"])
    def test_stream_one_of_two_refuses_the_other_serves_and_one_line_says_so(self, code, caplog):
        with FakeTeacher() as refusing, FakeTeacher() as serving:
            refusing.refusal = (grpc.StatusCode[code], "", "not here")
            with lyne.TeacherClient(f"{refusing.address},{serving.address}", options()) as client, client.open(lyne.TopK(4)) as stream:
                wait_until(lambda: len(refusing.opens) >= 3)
                for number in range(4):
                    stream.offer(sequence(number))
                for _ in range(4):
                    require_right(stream.take())
        lines = [record.getMessage() for record in caplog.records if "now and then" in record.getMessage()]
        assert lines == [f"teacher {refusing.address}: {code}: not here; it is asked again now and then, and others meanwhile"]
        assert refusing.sequences == []

    def test_stream_replica_that_has_the_teacher_again_has_its_part_again(self):
        with FakeTeacher() as refusing, FakeTeacher() as serving:
            refusing.refusal = NOT_FOUND
            with lyne.TeacherClient(f"{refusing.address},{serving.address}", options()) as client, client.open(lyne.TopK(4)) as stream:
                wait_until(lambda: len(refusing.opens) >= 2)
                refusing.refusal = None
                number = 0
                while not refusing.sequences:
                    for _ in range(8):
                        stream.offer(sequence(number))
                        number += 1
                    while stream.pending:
                        require_right(stream.take())

    def test_open_all_refuse_ends_at_once_with_what_each_says(self):
        with FakeTeacher() as one, FakeTeacher() as other:
            one.refusal, other.refusal = NOT_FOUND, UNKNOWN_TOKEN
            with lyne.TeacherClient(f"{one.address},{other.address}", options()) as client:
                with pytest.raises(lyne.TeacherRefusedError) as failure:
                    client.open(lyne.TopK(4))
        assert str(failure.value) == (
            f"teacher {one.address}: NOT_FOUND: teacher: fake (expected: other); "
            f"teacher {other.address}: UNAUTHENTICATED: a token that is not known"
        )

    def test_open_lone_replica_refuses_ends_at_once(self):
        with FakeTeacher() as lone, lyne.TeacherClient(lone.address, options()) as client:
            lone.refusal = UNKNOWN_TOKEN
            with pytest.raises(lyne.TeacherRefusedError, match="UNAUTHENTICATED: a token that is not known"):
                client.open(lyne.TopK(4))
        assert len(lone.opens) == 1

    def test_open_lone_replica_that_never_can_read_the_message_ends_after_a_few_tries(self):
        with FakeTeacher() as lone, lyne.TeacherClient(lone.address, options()) as client:
            lone.refusal = GARBLED
            with pytest.raises(lyne.TeacherRefusedError, match="INVALID_ARGUMENT: message: 3 bytes"):
                client.open(lyne.TopK(4))
        assert len(lone.opens) == 3

    def test_stream_message_that_was_garbled_once_is_sent_again(self):
        def behave(asked, number):
            def end(context):
                yield teacher.honest(asked)[0]
                refuse(context, GARBLED)

            return end if number in (2, 9) else None

        with FakeTeacher(behave) as teacher:
            taken, counts = collect(teacher.address, 20)
        assert [targets.sequence.id for targets in taken] == list(range(20))
        assert counts.coverage == 1

    def test_stream_another_teacher_ends_it_though_one_serves(self):
        with FakeTeacher() as mismatched, FakeTeacher() as serving:
            mismatched.refusal = (grpc.StatusCode.FAILED_PRECONDITION, "TEACHER_MISMATCH", "model_sha256: 01 (expected by student: 02)")
            with pytest.raises(lyne.TeacherMismatchError, match="expected by student: 02"):
                collect(f"{mismatched.address},{serving.address}", 100_000)

    def test_connect_first_of_two_refuses_the_other_describes_the_teacher(self):
        with FakeTeacher() as refusing, FakeTeacher() as serving:
            refusing.description_refusal = NOT_FOUND
            with lyne.TeacherClient(f"{refusing.address},{serving.address}", options()) as client:
                assert client.describe().vocabulary_size == rows.VOCABULARY

    def test_connect_first_description_that_was_changed_on_the_way_is_not_believed(self):
        with FakeTeacher() as lone:
            changed = lone.teacher()
            changed.digests.model_sha256 = bytes([1]) + changed.digests.model_sha256[1:]
            lone.next_descriptions.append(changed)
            with lyne.TeacherClient(lone.address, options()) as client:
                assert client.describe().model_sha256 == rows.TEACHER.hex()
                client.open(lyne.TopK(4)).close()

    def test_connect_all_refuse_ends_at_once_with_what_each_says(self):
        with FakeTeacher() as one, FakeTeacher() as other:
            one.description_refusal, other.description_refusal = NOT_FOUND, UNKNOWN_TOKEN
            with pytest.raises(lyne.TeacherRefusedError, match=r"NOT_FOUND: .*; teacher .*: UNAUTHENTICATED"):
                lyne.TeacherClient(f"{one.address},{other.address}", options())


class TestFailingReplica:
    @staticmethod
    def throws(asked, number):
        return failed(asked, INTERNAL, "the model failed")

    def test_stream_beside_one_that_fails_everything_the_other_does_all(self, caplog):
        pause = threading.Event()

        def working(asked, number):
            pause.wait(0.005)

        with FakeTeacher(self.throws) as failing, FakeTeacher(working) as healthy:
            taken, counts = collect(f"{failing.address},{healthy.address}", 200, max_backoff=0.2)
        assert counts.coverage == 1
        assert [targets.sequence.id for targets in taken] == list(range(200))
        assert len(failing.sequences) < 40
        assert any("one sequence after the other fails there: INTERNAL: the model failed" in r.getMessage() for r in caplog.records)

    def test_stream_one_fails_everything_while_the_other_is_gone_sequences_wait(self):
        down, calls = threading.Event(), []

        def leaves(asked, number):
            def gone(context):
                calls.append(number)
                context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")
                yield

            return gone if down.is_set() else None

        with FakeTeacher(self.throws) as failing, FakeTeacher(leaves) as restarting:
            address = f"{failing.address},{restarting.address}"
            with lyne.TeacherClient(address, options()) as client, client.open(lyne.TopK(4)) as stream:
                wait_until(lambda: failing.opens and restarting.opens)
                down.set()
                for number in range(12):
                    stream.offer(sequence(number))
                wait_until(lambda: calls)
                restarting.refusal = (grpc.StatusCode.UNAVAILABLE, "", "restarting")
                wait_until(lambda: len(failing.sequences) >= 30)
                down.clear()
                restarting.refusal = None
                for number in range(12):
                    targets = stream.take()
                    assert targets.sequence.id == number
                    require_right(targets)
                assert stream.statistics().failed_sequences == 0

    def test_stream_lone_replica_fails_at_one_sequence_that_is_given_up_and_the_others_are_not(self):
        def behave(asked, number):
            return self.throws(asked, number) if list(asked.token_ids) == sequence(3).tokens.tolist() else None

        with FakeTeacher(behave) as lone, lyne.TeacherClient(lone.address, options()) as client, client.open(lyne.TopK(4)) as stream:
            for number in range(10):
                stream.offer(sequence(number))
            for number in range(10):
                if number == 3:
                    with pytest.raises(lyne.SequenceFailedError, match=r"the model failed \(after 2 attempts\)"):
                        stream.take()
                else:
                    require_right(stream.take())


@pytest.mark.parametrize(
    ("changes", "what"),
    [({"model_sha256": bytes(32)}, "model digest"), ({"vocabulary_size": 32}, "vocabulary size")],
)
def test_stream_another_teacher_at_a_reconnection_ends_it_before_a_row(changes, what):
    def behave(asked, number):
        def abort(context):
            teacher.changes = changes
            context.abort(grpc.StatusCode.UNAVAILABLE, "restarted with other weights")

        return abort if number == 1 else None

    with FakeTeacher(behave) as teacher:
        with pytest.raises(lyne.TeacherMismatchError, match=what):
            collect(teacher.address, 5, window_sequences=1)
        assert len(teacher.sequences) == 2


@pytest.mark.parametrize("other", [{"threads": 8}, {"threads": 4, "arithmetic_version": 3}])
def test_stream_other_machine_of_a_deterministic_teacher_is_refused(other):
    def behave(asked, number):
        def abort(context):
            teacher.changes = {"deterministic": True, **other}
            context.abort(grpc.StatusCode.UNAVAILABLE, "moved")

        return abort

    with FakeTeacher(behave, deterministic=True, threads=4) as teacher:
        with pytest.raises(lyne.TeacherMismatchError, match="execution fingerprint"):
            collect(teacher.address, 1)


def test_open_expected_digest_that_differs_is_refused():
    with FakeTeacher() as teacher, lyne.TeacherClient(teacher.address, options()) as client:
        with pytest.raises(lyne.TeacherMismatchError, match="model digest: 000102"):
            client.open(lyne.TopK(4), expectation=lyne.Expectation(model_sha256="ab" * 32))


def test_take_rows_of_other_tokens_are_never_handed_out():
    def behave(asked, number):
        if number != 1:
            return None
        other = type(asked).FromString(asked.SerializeToString())
        other.token_ids[0] ^= 1
        return teacher.honest(other)

    with FakeTeacher(behave) as teacher, lyne.TeacherClient(teacher.address, options()) as client, client.open(lyne.TopK(4)) as stream:
        for number in range(3):
            stream.offer(sequence(number))
        require_right(stream.take())
        with pytest.raises(lyne.MisalignedTargetsError, match="sequence 1, position 0: rows digest"):
            stream.take()
        require_right(stream.take())


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda answer: [*answer[:1], answer[-1]], "done after 4 rows"),
        (lambda answer: [answer[1], answer[0], answer[-1]], "a block that starts there"),
        (lambda answer: [*answer[:2], answer[1], answer[-1]], "one block more"),
    ],
)
def test_take_blocks_missing_swapped_or_repeated_are_refused(change, what):
    with FakeTeacher(lambda asked, number: change(teacher.honest(asked))) as teacher:
        with pytest.raises(lyne.MisalignedTargetsError, match=what):
            collect(teacher.address, 1)


def test_stream_progress_callback_hears_of_each_sequence():
    heard = []
    with FakeTeacher() as teacher:
        collect(teacher.address, 5, on_progress=lambda counts: heard.append(counts.received_sequences))
    assert sorted(heard) == heard and heard[-1] == 5


def test_stream_progress_callback_that_throws_ends_the_stream_loudly():
    def callback(counts):
        raise KeyError("mine")

    with FakeTeacher() as teacher, pytest.raises(lyne.LyneError, match="mine"):
        collect(teacher.address, 50, on_progress=callback, window_sequences=2)


def test_discard_answers_of_before_never_reach_the_next_loop():
    with FakeTeacher() as teacher, lyne.TeacherClient(teacher.address, options()) as client, client.open(lyne.TopK(4)) as stream:
        for number in range(10):
            stream.offer(sequence(number))
        stream.discard()
        assert stream.pending == 0
        stream.offer(sequence(77))
        assert stream.take().sequence.id == 77


def test_client_token_file_travels_and_is_read_again(tmp_path):
    token = tmp_path / "token"
    token.write_text("# mine\nme secret-1\n")
    with FakeTeacher() as teacher:
        security = lyne.Security(token_file=token)
        with lyne.TeacherClient(teacher.address, options(security=security)) as client:
            assert client.metadata() == (("authorization", "Bearer secret-1"),)
            token.write_text("me secret-two\n")
            assert client.metadata() == (("authorization", "Bearer secret-two"),)
        assert teacher.metadata[0]["authorization"] == "Bearer secret-1"


@pytest.mark.parametrize("text", ["", "host", "host:0", "host:port", "::1:5", "dns:///:5", "a:1,,b:2"])
def test_parse_addresses_what_is_none_is_refused(text):
    with pytest.raises(ValueError, match=r"expected: HOST:PORT or dns:///NAME:PORT"):
        parse_addresses(text)


def test_client_plain_text_to_another_host_is_refused():
    with pytest.raises(ValueError, match=r"teacher.example:1 is another host, in plain text"):
        lyne.Teacher("teacher.example:1", lyne.TopK(4))
    lyne.Teacher("teacher.example:1", lyne.TopK(4), options=lyne.ClientOptions(security=lyne.Security(insecure=True)))


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"tokens": []}, "0 tokens"),
        ({"tokens": [1]}, "0 positions"),
        ({"tokens": [1, 2, 3], "positions": [1, 1]}, "ascending"),
        ({"tokens": [1, 2, 3], "positions": [3]}, r"0..2"),
        ({"tokens": [1.5, 2.0]}, "integers"),
        ({"tokens": [1, 2], "chosen": [[1, 1]]}, "distinct"),
    ],
)
def test_target_sequence_impossible_is_refused(arguments, what):
    with pytest.raises(ValueError, match=what):
        lyne.TargetSequence(0, **{name: np.array(v) if name != "chosen" else [np.array(r) for r in v] for name, v in arguments.items()})


def test_offer_token_past_the_vocabulary_is_refused():
    with FakeTeacher() as teacher, lyne.TeacherClient(teacher.address, options()) as client:
        with client.open(lyne.TopK(4)) as stream, pytest.raises(ValueError, match=r"token 64 \(expected: 0..63\)"):
            stream.offer(lyne.TargetSequence(0, np.array([1, 64])))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """The server's."""
    return make_certificate(tmp_path_factory.mktemp("tls"), "teacher.test")


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    """A student's."""
    return make_certificate(tmp_path_factory.mktemp("tls"), "student.test")


class TestTls:
    def serve(self, certificate) -> FakeTeacher:
        key, pem = certificate
        teacher = FakeTeacher()
        teacher.address = teacher.start(grpc.ssl_server_credentials([(key.read_bytes(), pem.read_bytes())]))
        return teacher

    def test_connect_certificate_that_is_believed_streams(self, certificate):
        teacher = self.serve(certificate)
        security = lyne.Security(tls_ca=certificate[1], tls_server_name="teacher.test")
        try:
            taken, _ = collect(teacher.address, 3, security=security)
        finally:
            teacher.stop()
        assert len(taken) == 3

    @pytest.mark.parametrize("name", [None, "other.test"])
    def test_connect_certificate_of_another_name_is_refused(self, certificate, name):
        teacher = self.serve(certificate)
        security = lyne.Security(tls_ca=certificate[1], tls_server_name=name)
        try:
            with pytest.raises((lyne.TeacherRefusedError, lyne.TeacherUnavailableError)):
                lyne.TeacherClient(teacher.address, options(security=security, open_timeout=1.0))
        finally:
            teacher.stop()

    def test_connect_plain_text_to_a_tls_server_fails(self, certificate):
        teacher = self.serve(certificate)
        try:
            with pytest.raises(lyne.TeacherUnavailableError):
                lyne.TeacherClient(teacher.address, options(open_timeout=1.0))
        finally:
            teacher.stop()

    @contextmanager
    def asking_for_certificates(self, certificate, student):
        """A server that knows the student's certificate, and wants one of every client."""
        key, pem = certificate
        teacher = FakeTeacher()
        credentials = grpc.ssl_server_credentials([(key.read_bytes(), pem.read_bytes())], student[1].read_bytes(), True)
        teacher.address = teacher.start(credentials)
        try:
            yield teacher
        finally:
            teacher.stop()

    def test_connect_client_certificate_that_is_asked_for_is_shown(self, certificate, student):
        security = lyne.Security(
            tls_ca=certificate[1], tls_server_name="teacher.test", tls_client_key=student[0], tls_client_cert=student[1]
        )
        with self.asking_for_certificates(certificate, student) as teacher:
            taken, _ = collect(teacher.address, 3, security=security)
        assert len(taken) == 3

    def test_connect_without_the_certificate_that_is_asked_for_is_refused(self, certificate, student):
        other = {"tls_client_key": certificate[0], "tls_client_cert": certificate[1]}
        with self.asking_for_certificates(certificate, student) as teacher:
            for shown in ({}, other):
                security = lyne.Security(tls_ca=certificate[1], tls_server_name="teacher.test", **shown)
                with pytest.raises((lyne.TeacherRefusedError, lyne.TeacherUnavailableError)):
                    lyne.TeacherClient(teacher.address, options(security=security, open_timeout=1.0))

    def test_doctor_shows_the_certificate_that_its_options_name(self, certificate, student, capsys):
        told = ("--tls-ca", certificate[1], "--tls-server-name", "teacher.test", "--json", "-")
        shown = ("--tls-client-cert", student[1], "--tls-client-key", student[0])
        with self.asking_for_certificates(certificate, student) as teacher:
            main(["doctor", "--teacher", teacher.address, *map(str, (*told, *shown))])
        assert json.loads(capsys.readouterr().out)["teacher"]["name"] == "fake"

    @pytest.mark.parametrize(
        ("changes", "what"),
        [
            ({"tls_server_name": "x"}, "only with tls_ca or tls"),
            ({"tls": True, "insecure": True}, "insecure: with TLS"),
            ({"tls_client_cert": "a", "tls_client_key": "b"}, r"tls_client_cert: a \(expected: only with tls_ca or tls\)"),
            ({"tls": True, "tls_client_cert": "a"}, r"tls_client_cert: a, tls_client_key: none \(expected: both or neither\)"),
            ({"tls": True, "tls_client_key": "b"}, r"tls_client_cert: none, tls_client_key: b \(expected: both or neither\)"),
        ],
    )
    def test_security_contradictions_are_refused(self, changes, what):
        with pytest.raises(ValueError, match=what):
            lyne.Security(**changes)

    def test_credentials_client_certificate_that_cannot_be_used_is_refused(self, certificate, student, tmp_path):
        key, pem = student
        encrypted = tmp_path / "encrypted.key"
        command = ["openssl", "pkcs8", "-topk8", "-in", str(key), "-out", str(encrypted), "-passout", "pass:secret"]
        subprocess.run(command, check=True, capture_output=True)
        for shown in ((certificate[1], key), (key, key), (pem, encrypted)):
            with pytest.raises(ValueError, match=f"tls_client_key: {shown[1]} .*expected: certificates and the first one's private key"):
                lyne.Security(tls=True, tls_client_cert=shown[0], tls_client_key=shown[1]).credentials()
        with pytest.raises(ValueError, match="tls_client_cert: /none: No such file"):
            lyne.Security(tls=True, tls_client_cert="/none", tls_client_key=key).credentials()


@pytest.mark.parametrize(("name", "number"), [(None, 0), ("interactive", 1), ("training", 2), ("capture", 3)])
def test_open_priority_is_said_to_the_server(name, number):
    with FakeTeacher() as fake:
        options = lyne.ClientOptions(priority=name)
        with lyne.TeacherClient(fake.address, options) as client, client.open(fake.selection):
            assert [opened.priority for opened in fake.opens] == [number]


def test_options_unknown_priority_is_refused():
    with pytest.raises(ValueError, match=r"priority: urgent \(expected: interactive, training, capture\)"):
        lyne.ClientOptions(priority="urgent")
