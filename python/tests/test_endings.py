"""Every thread and call of a client ends, whatever its owner does: closes, is interrupted, forks, or ends the interpreter."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from conftest import command
from fake_teacher import FakeTeacher
from test_client import options, sequence

import lyne
import lyne.client.client
from lyne.client.stream import TargetStream


def wait_until(holds) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def no_thread_left():
    """Fails where the test leaves a thread of the client's."""
    before = set(threading.enumerate())
    yield
    wait_until(lambda: not [t.name for t in set(threading.enumerate()) - before if t.name.startswith("lyne-")])


def test_stream_closed_with_sequences_in_flight_leaves_no_thread(no_thread_left):
    with FakeTeacher(lambda asked, number: []) as one, FakeTeacher(lambda asked, number: []) as two:
        addresses = f"{one.address},{two.address}"
        with lyne.TeacherClient(addresses, options(hedge_millis=1)) as client, client.open(lyne.TopK(4)) as stream:
            for number in range(4):
                stream.offer(sequence(number))


def test_stream_closed_while_another_thread_takes_ends_its_wait(no_thread_left):
    with FakeTeacher(lambda asked, number: []) as teacher, lyne.TeacherClient(teacher.address, options()) as client:
        stream = client.open(lyne.TopK(4))
        stream.offer(sequence(0))
        told: list[str] = []

        def take() -> None:
            try:
                stream.take()
            except ValueError as e:
                told.append(str(e))

        waiting = threading.Thread(target=take)
        waiting.start()
        wait_until(lambda: teacher.sequences)
        stream.close()
        waiting.join(60)
        assert told == ["the stream of targets is closed"]


def test_open_interrupted_leaves_no_thread(no_thread_left, monkeypatch):
    def interrupted(stream):
        raise KeyboardInterrupt

    with FakeTeacher() as teacher, lyne.TeacherClient(teacher.address, options()) as client:
        monkeypatch.setattr(TargetStream, "_await_opened", interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.open(lyne.TopK(4))


def test_decoder_interrupted_as_it_opens_leaves_no_call(no_thread_left, monkeypatch):
    def interrupted(longest):
        raise KeyboardInterrupt

    with FakeTeacher(decodes=True) as teacher, lyne.TeacherClient(teacher.address, options()) as client:
        decoder = client.decoder()
        decoder.start(1, [1], 1)
        monkeypatch.setattr(decoder, "_next", interrupted)
        with pytest.raises(KeyboardInterrupt):
            decoder.take()
        wait_until(lambda: not [t for t in threading.enumerate() if t.name.startswith("lyne-decode-")])


def test_client_closed_makes_no_connection_that_nobody_would_close():
    with FakeTeacher(decodes=True) as teacher:
        client = lyne.TeacherClient(teacher.address, options())
        (address,) = client.addresses()
        decoder = client.decoder()
        client.close()
        for call in (lambda: client.channel(address), lambda: client.open(lyne.TopK(4)), client.decoder):
            with pytest.raises(ValueError, match="the client is closed"):
                call()
        with pytest.raises(ValueError, match="the decoder is closed"):
            decoder.start(1, [1], 1)


def test_look_up_that_fails_is_made_again(monkeypatch):
    with FakeTeacher() as teacher:
        port = teacher.address.rpartition(":")[2]
        with lyne.TeacherClient(f"dns:///localhost:{port}", options()) as client:
            looked_up = []

            def broken(named):
                looked_up.append(named)
                raise UnicodeError("label too long")

            monkeypatch.setattr(lyne.client.client, "resolve", broken)
            known = client.addresses()
            for times in (1, 2):
                client.resolve_again()
                wait_until(lambda: len(looked_up) == times and not client._resolving)
            assert client.addresses() == known


def test_stream_that_is_over_takes_no_replica(no_thread_left):
    with FakeTeacher() as teacher, lyne.TeacherClient(teacher.address, options()) as client:
        stream = client.open(lyne.TopK(4))
        stream.close()
        threads = len(threading.enumerate())
        stream.set_replicas([lyne.client.client.Address("127.0.0.1:1", "127.0.0.1")])
        assert len(threading.enumerate()) == threads


def in_a_fork(run) -> int:
    """The exit code of a forked process; it is killed where it does not end."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            run()
            code = 0
        finally:
            os._exit(code)
    deadline = time.monotonic() + 60
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.05)


def test_fork_is_refused_by_name_where_its_threads_are_not():
    with FakeTeacher(lambda asked, number: [], decodes=True) as teacher, lyne.TeacherClient(teacher.address, options()) as client:
        with client.open(lyne.TopK(4)) as stream, client.decoder() as decoder:
            stream.offer(sequence(0))

            def in_child() -> None:
                for call in (
                    stream.take,
                    lambda: stream.offer(sequence(1)),
                    lambda: stream.ask_again(sequence(0)),
                    lambda: client.open(lyne.TopK(4)),
                    lambda: decoder.start(1, [1], 1),
                ):
                    with pytest.raises(ValueError, match=r"process \d+ \(expected: \d+, which made the client"):
                        call()
                for each in (stream.discard, stream.close, decoder.close, client.close):
                    each()

            # The lock as a thread may hold it at the moment of a fork: nobody in the child would let go of it.
            with stream._lock:
                assert in_a_fork(in_child) == 0


STILL_OPEN = """
import sys
import numpy as np
import lyne
client = lyne.TeacherClient(sys.argv[1])
stream = client.open(lyne.TopK(4))
stream.offer(lyne.TargetSequence(0, np.arange(1, 9)))
decoder = client.decoder()
decoder.start(1, [1], 1)
decoder.take()
print("at the end")
"""


def test_interpreter_ends_with_all_still_open():
    with FakeTeacher(lambda asked, number: [], decodes=True) as teacher:
        done = command("-c", STILL_OPEN, teacher.address)
    assert (done.returncode, done.stdout) == (0, "at the end\n"), done.stderr
    assert done.stderr == ""
