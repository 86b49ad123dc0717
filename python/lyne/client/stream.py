"""A stream of targets from the replicas of a teacher: asked for ahead, handed out in order, re-asked where an answer does not come.

One lock guards everything that the threads share. Each replica has a thread that makes its calls, one after the other, and reads what
comes; it decodes and checks rows without the lock. One more thread watches the clock.
"""

from __future__ import annotations

import copy
import heapq
import itertools
import logging
import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import grpc

from lyne.client.calls import Attempt, Call, Entry, ReplicaConnection
from lyne.client.description import TeacherDescription
from lyne.client.failure import Failure, Remedy
from lyne.client.options import OVERSLEPT, Address, ClientOptions, Expectation
from lyne.client.statistics import StreamStatistics
from lyne.client.targets import BlockIdentity, RowAssembly, Targets, TargetSequence, ranges_of, source_word
from lyne.client.traces import RequestTraces
from lyne.errors import (
    LyneError,
    MisalignedTargetsError,
    SequenceFailedError,
    TeacherMismatchError,
    TeacherRefusedError,
    TeacherUnavailableError,
)
from lyne.v1 import teacher_pb2, teacher_service_pb2, teacher_service_pb2_grpc
from lyne.wire.digests import token_checksum
from lyne.wire.selection import Precision, Selection

if TYPE_CHECKING:
    from lyne.client.client import TeacherClient

__all__ = ["TargetRequest", "TargetStream"]

_MOST_LATE = 3
_MOST_FAULTS = 2
_LONGEST_SLEEP = 0.5
#: Part of the sequences offered that may be hedged, and how soon another replica is looked for where none has room.
_HEDGED_SHARE = 0.05
_BETWEEN_HEDGES = 0.05
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TargetRequest:
    """What all sequences of a stream share."""

    selection: Selection
    precision: Precision = Precision.EXACT
    raw_logits: bool = False
    expectation: Expectation = field(default_factory=Expectation)

    def __post_init__(self) -> None:
        if self.raw_logits and self.precision == Precision.COMPACT:
            raise ValueError("precision: compact with raw logits (expected: exact or half)")


class TargetStream:
    """Rows of the sequences that are offered, in the order of the offers. One thread offers and takes.

    Made by `TeacherClient.open`; a context manager.
    """

    def __init__(self, client: TeacherClient, request: TargetRequest, known: TeacherDescription, options: ClientOptions):
        self._client, self._request, self._known, self._options = client, request, known, options
        self._lock = threading.Condition(threading.Lock())
        self._replicas: list[ReplicaConnection] = []
        self._untaken: deque[Entry] = deque()
        self._waiting: list[Entry] = []
        self._untaken_tokens = 0
        self._unresolved = 0
        self._orders = itertools.count()
        self._wire_ids = itertools.count(1)
        self._progress_at = self._rows_at = time.monotonic()
        self._ever_opened = False
        self._closed = False
        self._failure: LyneError | None = None
        self._counts = StreamStatistics()
        self._random = random.Random(0)
        self._traces = RequestTraces(options.student)
        self._threads: list[threading.Thread] = []
        self._pid = os.getpid()
        try:
            self._start(self._watch, "lyne-watch")
            self.set_replicas(client.addresses())
            self._await_opened()
        except BaseException:  # nobody else will have it to close
            self.close()
            raise

    # --- what the student calls -----------------------------------------------------------------------------------------

    @property
    def teacher(self) -> TeacherDescription:
        """The teacher that answers."""
        return self._known

    def offer(self, sequence: TargetSequence) -> bool:
        """Asks for a sequence; False, at once, where the prefetch window is full.

        Raises:
            ValueError: for tokens, positions or choices that the teacher cannot answer.
            LyneError: where the stream has ended.
        """
        self._client.require_own_process()
        self._require_fits(sequence)
        with self._lock:
            self._require_alive()
            full = len(self._untaken) >= self._options.window_sequences
            if self._untaken and (full or self._untaken_tokens + len(sequence.tokens) > self._options.window_tokens):
                return False
            self._counts.asked(sequence)
            self._add(Entry(sequence, next(self._orders)), at_front=False)
            return True

    def ask_again(self, sequence: TargetSequence) -> None:
        """Asks for a sequence that was taken as a failure, to be taken next."""
        self._client.require_own_process()
        self._require_fits(sequence)
        with self._lock:
            self._require_alive()
            first = self._untaken[0].order - 1 if self._untaken else next(self._orders)
            self._counts.reasked_sequences += 1
            self._add(Entry(sequence, first), at_front=True)

    def take(self) -> Targets:
        """The rows of the earliest sequence that was offered and not taken; waits where it must.

        Raises:
            SequenceFailedError, MisalignedTargetsError: for that sequence alone; it is taken, and the stream goes on.
            LyneError: where the stream has ended.
        """
        self._client.require_own_process()
        with self._lock:
            if not self._untaken:
                self._require_alive()
                raise ValueError("take: no sequence is pending (expected: at least 1 offered)")
            first = self._untaken[0]
            if not first.resolved:
                start = time.monotonic()
                try:
                    while not first.resolved:
                        self._require_alive()
                        self._lock.wait()
                finally:
                    self._counts.stall_seconds += time.monotonic() - start
            self._untaken.popleft()
            self._untaken_tokens -= first.tokens
            if first.failure is not None:
                self._counts.failed_sequences += 1
                raise first.failure
            assert first.targets is not None
            return first.targets

    def discard(self) -> None:
        """Forgets all sequences offered and not taken; their answers, where they come, are dropped. Nothing, in a process that was forked
        from its own, where a loop that was left may call it."""
        if self._pid != os.getpid():
            return
        with self._lock:
            for replica in self._replicas:
                for attempt in replica.call.in_flight.values() if replica.call is not None else ():
                    attempt.twin = None
                    if replica.call is not None and not attempt.withdrawn:
                        self._withdraw(replica.call, attempt)
            self._end_spans()
            self._untaken.clear()
            self._waiting.clear()
            self._untaken_tokens = self._unresolved = 0

    @property
    def pending(self) -> int:
        """Sequences offered and not taken."""
        with self._lock:
            return len(self._untaken)

    def statistics(self) -> StreamStatistics:
        """The counts as they are now."""
        with self._lock:
            return copy.deepcopy(self._counts)

    def close(self) -> None:
        """Ends the stream and its calls; nothing, in a process that was forked from its own."""
        if self._pid != os.getpid():
            return
        with self._lock:
            self._closed = True
            self._end(None)
        self._client.forget(self)
        for thread in list(self._threads):
            if thread is not threading.current_thread():
                thread.join(timeout=5)

    def __enter__(self) -> TargetStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- the window -------------------------------------------------------------------------------------------------------

    def _require_fits(self, sequence: TargetSequence) -> None:
        sequence.require_fits(self._known.vocabulary_size, self._known.context_length, self._request.selection)

    def _add(self, entry: Entry, at_front: bool) -> None:
        if self._unresolved == 0:
            self._progress_at = time.monotonic()  # `retry_for` counts from the first that has to be waited for
        if at_front:
            self._untaken.appendleft(entry)
        else:
            self._untaken.append(entry)
        entry.span = self._traces.sequence(entry.sequence)
        self._untaken_tokens += entry.tokens
        self._unresolved += 1
        heapq.heappush(self._waiting, entry)
        self._pump()

    def _is_over(self) -> bool:
        return self._closed or self._failure is not None

    def _require_alive(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise ValueError("the stream of targets is closed")

    def _end(self, failure: LyneError | None) -> None:
        """Ends the stream, with a failure or closed by the student. What is resolved can be taken after a failure."""
        if self._failure is None:
            self._failure = failure
        for replica in self._replicas:
            if replica.call is not None:
                self._drop(replica.call)
                replica.call = None
        self._end_spans()
        self._lock.notify_all()

    def _end_spans(self) -> None:
        """Ends the spans of sequences that nobody waits for any more."""
        for entry in self._untaken:
            if not entry.resolved:
                self._traces.end(entry.span)
                entry.span = None

    def _resolve(self, entry: Entry, targets: Targets | None, failure: LyneError | None, dropped: int = 0) -> None:
        entry.targets, entry.failure = targets, failure
        self._traces.end(entry.span, failure)
        self._unresolved -= 1
        self._counts.discarded_bytes += dropped
        if targets is not None:
            self._counts.received(targets)
        self._lock.notify_all()

    # --- replicas -----------------------------------------------------------------------------------------------------------

    def set_replicas(self, addresses: list[Address]) -> None:
        """Sets the replicas to ask, from now on; those that are gone end their calls by themselves."""
        with self._lock:
            if self._is_over():
                return
            known = {replica.address: replica for replica in self._replicas if not replica.gone}
            for address, replica in known.items():
                replica.gone = address not in addresses
            for address in addresses:
                if address not in known:
                    replica = ReplicaConnection(address, time.monotonic())
                    self._start(partial(self._serve, replica), f"lyne-{address.target}")
                    self._replicas.append(replica)
            self._end_where_none_accepts()
            self._lock.notify_all()

    def _start(self, run: Callable[[], None], name: str) -> None:
        def guarded() -> None:
            try:
                run()
            except BaseException as e:  # a thread has nobody else to tell
                with self._lock:
                    self._end(e if isinstance(e, LyneError) else LyneError(f"the client's own fault: {e!r}"))

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        self._threads = [other for other in self._threads if other.is_alive()] + [thread]

    def _await_opened(self) -> None:
        deadline = time.monotonic() + self._options.open_timeout
        with self._lock:
            while not self._ever_opened and self._failure is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    self._failure = TeacherUnavailableError(self._history())
                    break
                self._lock.wait(left)
            failure = self._failure
        if failure is not None:
            raise failure

    def _history(self) -> str:
        return "; ".join(replica.history() for replica in self._replicas)

    def _serve(self, replica: ReplicaConnection) -> None:
        """The life of a replica's thread: call after call."""
        while True:
            with self._lock:
                while not self._is_over() and not replica.gone and (wait := replica.connect_at - time.monotonic()) > 0:
                    self._lock.wait(wait)
                if replica.gone:
                    self._replicas.remove(replica)
                if self._is_over() or replica.gone:
                    return
                replica.attempts += 1
                call = replica.call = Call(time.monotonic() + self._options.open_timeout, replica.address.target)
            failure = self._run(replica, call)
            with self._lock:
                if not call.ended:
                    self._end_call(replica, call, failure)

    def _run(self, replica: ReplicaConnection, call: Call) -> Failure:
        """Makes a call and reads it to its end; gives why it ended."""
        call.outgoing.put(teacher_service_pb2.ScoreSequencesRequest(open=self._open_message()))
        span = self._traces.call("ScoreSequences", call.target)
        try:
            stub = teacher_service_pb2_grpc.TeacherServiceStub(self._client.channel(replica.address))
            metadata = self._client.metadata() + self._traces.metadata(span)
            responses = stub.ScoreSequences(iter(call.outgoing.get, None), metadata=metadata)
            with self._lock:
                call.rpc = responses
                if call.ended:
                    responses.cancel()
            for response in responses:
                if not self._on_response(replica, call, response):
                    break
            return Failure("UNAVAILABLE", "the server completed the stream")
        except grpc.RpcError as e:
            return Failure.of_call(e)
        finally:
            call.outgoing.put(None)
            self._traces.end(span)

    def _open_message(self) -> teacher_service_pb2.OpenStream:
        """The opening message; digests that the student does not state are those of the teacher described to it."""
        expected, known = self._request.expectation, self._known
        message = teacher_service_pb2.OpenStream(
            teacher=self._options.teacher,
            expected_digests=teacher_pb2.TeacherDigests(
                model_sha256=bytes.fromhex(expected.model_sha256 or known.model_sha256),
                tokenizer_sha256=bytes.fromhex(expected.tokenizer_sha256 or known.tokenizer_sha256),
            ),
            expected_vocabulary_size=known.vocabulary_size,
            selection=self._request.selection.to_message(self._request.raw_logits),
            precision=int(self._request.precision),  # type: ignore[arg-type]
            student=self._options.student,
            priority=self._options.priority_message(),
        )
        machine = expected.fingerprint_message()
        if machine is not None:
            message.expected_execution_fingerprint.CopyFrom(machine)
        return message

    # --- what comes back ------------------------------------------------------------------------------------------------------

    def _on_response(self, replica: ReplicaConnection, call: Call, response: teacher_service_pb2.ScoreSequencesResponse) -> bool:
        """Deals with a message; False where the call is over."""
        kind = response.WhichOneof("message")
        if kind == "rows":
            return self._on_rows(replica, call, response.rows)
        if kind == "done":
            return self._on_done(replica, call, response.done)
        with self._lock:
            if call.ended:
                return False
            call.heard = time.monotonic()
            if kind == "opened":
                self._on_opened(replica, call, response.opened)
            elif kind == "credit":
                call.credit_sequences, call.credit_tokens = response.credit.sequences, response.credit.tokens
                self._pump()
            elif kind == "failed":
                self._on_failed(replica, call, response.failed)
            elif kind == "progress":
                self._on_device(call, response.progress.device_positions)
            # A message that this version does not know says nothing that it needs.
            return not call.ended

    def _on_opened(self, replica: ReplicaConnection, call: Call, message: teacher_service_pb2.StreamOpened) -> None:
        found = TeacherDescription.of(message.teacher)
        try:
            found.require_expected(replica.address.target, self._request.expectation)
            found.require_same(replica.address.target, self._known)
        except TeacherMismatchError as e:
            if replica.standing.mismatched():
                self._end(e)
            else:
                self._end_call(replica, call, Failure("UNAVAILABLE", str(e)))
            return
        call.identity = BlockIdentity(
            self._request.selection,
            self._request.precision,
            self._request.raw_logits,
            found.vocabulary_size,
            bytes.fromhex(found.model_sha256),
            found.fingerprint_digest if found.deterministic else b"",
            found.tail_error,
        )
        call.opened, call.alive = True, time.monotonic()
        call.credit_sequences, call.credit_tokens = message.credit.sequences, message.credit.tokens
        self._ever_opened = True
        if replica.standing.refuses:
            _LOG.warning("teacher %s: it accepts the stream again", replica.address.target)
        replica.standing.accepted()
        self._counts.reconnects += replica.attempts > 1
        self._lock.notify_all()
        self._pump()

    def _on_rows(self, replica: ReplicaConnection, call: Call, rows: teacher_service_pb2.Rows) -> bool:
        with self._lock:
            attempt = self._in_flight(replica, call, rows.id)
            if attempt is None:
                return False
            if attempt.withdrawn:
                self._counts.discarded_bytes += len(rows.block)
                return True
            identity = call.identity
        assert identity is not None
        if attempt.assembly is None:
            attempt.assembly = RowAssembly(attempt.entry.sequence, identity)
        try:
            source = source_word(rows.source, rows.tier)
        except ValueError as e:
            with self._lock:
                self._end_call(replica, call, Failure("INTERNAL", f"broke the protocol: rows of unknown origin: {e}"))
            return False
        try:
            attempt.assembly.add(rows.block, rows.first_position, source, rows.narrowed)
        except MisalignedTargetsError as e:
            with self._lock:
                if not call.ended:
                    if attempt.withdrawn:
                        return True
                    self._withdraw(call, attempt)
                    self._withdraw_twin(attempt)
                    self._resolve(attempt.entry, None, e, attempt.block_bytes + len(rows.block))
        with self._lock:
            self._progressed(call)
            self._rows_at = call.alive
            return not call.ended

    def _on_done(self, replica: ReplicaConnection, call: Call, done: teacher_service_pb2.SequenceDone) -> bool:
        with self._lock:
            attempt = self._in_flight(replica, call, done.id)
            identity = call.identity
        if attempt is None or identity is None:
            return False
        targets, failure = None, None
        if not attempt.withdrawn:
            try:
                targets = (attempt.assembly or RowAssembly(attempt.entry.sequence, identity)).finish(done.rows)
            except MisalignedTargetsError as e:
                failure = e
        with self._lock:
            if call.ended:
                return False
            self._answered(call, attempt)
            if not attempt.withdrawn:
                replica.consecutive_failures = 0
                replica.last_failure = None
                if replica.standing.is_out:
                    _LOG.warning("teacher %s: it answers again", replica.address.target)
                replica.standing.answered()
                self._counts.hedges_won += attempt.is_hedge
                self._withdraw_twin(attempt)
                self._resolve(attempt.entry, targets, failure)
            self._pump()
        if targets is not None and self._options.on_progress is not None:
            self._options.on_progress(self.statistics())
        return True

    def _on_failed(self, replica: ReplicaConnection, call: Call, failed: teacher_service_pb2.SequenceFailed) -> None:
        attempt = self._in_flight(replica, call, failed.id)
        if attempt is None:
            return
        self._answered(call, attempt)
        if not attempt.withdrawn:
            failure = Failure.of_sequence(failed.status)
            remedy = failure.remedy_of_sequence()
            if remedy is Remedy.RETRY:
                replica.resume_at = time.monotonic() + max(failure.retry_after, self._backoff(replica))
                replica.last_failure = failure
            elif remedy is Remedy.RETRY_FEW and failure.code != "DEADLINE_EXCEEDED":
                if replica.standing.in_doubt and any(other.standing.is_expected for other in self._others(replica)):
                    remedy = Remedy.RETRY  # no sequence spends a try on a replica at which others fail, too
                self._faulted(replica, attempt, failure)
            self._retry(replica, attempt, failure, remedy)
        self._pump()
        self._lock.notify_all()  # the clock has another moment to wake at

    def _faulted(self, replica: ReplicaConnection, attempt: Attempt, failure: Failure) -> None:
        """A sequence failed by a fault that may be its own or the replica's. The replica is left alone for a while, then asked for one
        sequence at a time until it answers one. Those that were sent before the fault was known fail as one."""
        replica.last_failure = failure
        if attempt.sent_at < replica.resume_at:
            return
        now = time.monotonic()
        was_out = replica.standing.is_out
        replica.standing.faulted()
        elsewhere = any(other.is_usable(now) and not other.standing.in_doubt for other in self._others(replica))
        delay = self._options.long_backoff(self._random) if replica.standing.is_out and elsewhere else self._backoff(replica)
        replica.resume_at = now + max(failure.retry_after, delay)
        if replica.standing.is_out and not was_out:
            rest = "others get all but one now and then" if elsewhere else "there is no other to ask"
            what = f"{failure.code}: {failure.description}; {rest}"
            _LOG.warning("teacher %s: one sequence after the other fails there: %s", replica.address.target, what)

    def _others(self, than: ReplicaConnection) -> Iterator[ReplicaConnection]:
        return (replica for replica in self._replicas if replica is not than and not replica.gone)

    def _on_device(self, call: Call, positions: int) -> None:
        """A device whose counter moves is busy, perhaps with others' sequences; one whose counter stands still is stuck."""
        if positions != call.device_positions:
            call.device_positions = positions
            self._progressed(call)

    def _progressed(self, call: Call) -> None:
        call.alive = self._progress_at = time.monotonic()

    def _in_flight(self, replica: ReplicaConnection, call: Call, wire_id: int) -> Attempt | None:
        """The sequence that a message is about; None, and the end of the call, where it is not in flight."""
        if call.ended:
            return None
        attempt = call.in_flight.get(wire_id)
        if attempt is None:
            what = f"broke the protocol: an answer to sequence {wire_id}, which is not in flight"
            self._end_call(replica, call, Failure("INTERNAL", what))
        return attempt

    def _answered(self, call: Call, attempt: Attempt) -> None:
        del call.in_flight[attempt.wire_id]
        self._traces.end(attempt.span)
        call.tokens -= attempt.entry.tokens
        self._progressed(call)

    # --- what follows: asking, asking again, giving up ---------------------------------------------------------------------------

    def _pump(self) -> None:
        """Sends whatever can be sent now."""
        now = time.monotonic()
        while self._waiting and not self._is_over():
            replica = self._choose(self._waiting[0], now)
            if replica is None or replica.call is None:
                break
            self._send(replica.call, self._next_for(replica), now)
        self._hedge(now)

    def _hedge(self, now: float) -> None:
        """Asks a second replica for the sequence that has gone unanswered for longest, where that is due (Dean and Barroso, The Tail at
        Scale, 2013). The first answer resolves it and withdraws the other attempt, in one step; one that fails leaves it to the other."""
        late = self._next_to_hedge()
        if late is None or now < late.sent_at + self._options.hedge_millis / 1e3:
            return
        free = [
            replica
            for replica in self._replicas
            if replica.call is not None
            and late.wire_id not in replica.call.in_flight
            and replica.is_usable(now)
            and not replica.standing.in_doubt
            and replica.call.has_room_for(late.entry.tokens)
        ]
        second = min(free, key=lambda replica: replica.call.tokens, default=None)  # type: ignore[union-attr]
        if second is None or second.call is None:
            return
        attempt = self._send(second.call, late.entry, now)
        attempt.is_hedge, attempt.twin, late.twin = True, late, attempt
        if attempt.span is not None:
            attempt.span.set_attribute("lyne.hedge", True)
        late.entry.hedged = True
        self._counts.hedged_sequences += 1

    def _next_to_hedge(self) -> Attempt | None:
        """The attempt that has gone unanswered for longest; None where none is to be hedged now: one at a time, each once, few of all."""
        most = max(1, _HEDGED_SHARE * self._counts.asked_sequences)
        if self._options.hedge_millis == 0 or len(self._replicas) < 2 or self._counts.hedged_sequences + 1 > most or self._is_over():
            return None
        attempts = [
            attempt
            for replica in self._replicas
            if replica.call is not None
            for attempt in replica.call.in_flight.values()
            if not attempt.withdrawn
        ]
        if any(attempt.twin is not None for attempt in attempts):
            return None
        return min((attempt for attempt in attempts if not attempt.entry.hedged), key=lambda attempt: attempt.sent_at, default=None)

    def _withdraw_twin(self, attempt: Attempt) -> None:
        """The sequence is over: the other attempt for it is of no use any more."""
        twin = attempt.twin
        if twin is None:
            return
        attempt.twin = twin.twin = None
        for replica in self._replicas:
            if replica.call is not None and replica.call.in_flight.get(twin.wire_id) is twin:
                self._withdraw(replica.call, twin)
                self._counts.discarded_bytes += twin.block_bytes

    def _left_to_twin(self, attempt: Attempt) -> bool:
        """An attempt came to nothing; gives whether the sequence is still wanted of another replica."""
        twin = attempt.twin
        if twin is None:
            return False
        attempt.twin = twin.twin = None
        self._counts.discarded_bytes += attempt.block_bytes
        return True

    def _next_for(self, replica: ReplicaConnection) -> Entry:
        """The sequence to ask for, taken from the waiting ones: the earliest. A replica in doubt gets the first of those that have failed
        least, so that one which fails everywhere does not stand before the others."""
        if not replica.standing.in_doubt:
            return heapq.heappop(self._waiting)
        entry = min(self._waiting, key=lambda waiting: (waiting.failures, waiting.order))
        self._waiting.remove(entry)
        heapq.heapify(self._waiting)
        return entry

    def _choose(self, entry: Entry, now: float) -> ReplicaConnection | None:
        """The open replica that has room and the fewest tokens in flight; one that just failed this sequence comes last."""
        usable = (replica for replica in self._replicas if replica.is_usable(now))
        open_replicas = [replica for replica in usable if replica.call is not None and replica.call.has_room_for(entry.tokens)]
        return min(open_replicas, key=lambda one: (one is entry.last_failed_on, one.call.tokens), default=None)  # type: ignore[union-attr]

    def _send(self, call: Call, entry: Entry, now: float) -> Attempt:
        attempt = Attempt(next(self._wire_ids), entry, now, span=self._traces.ask(entry.span, call.target))
        if not call.in_flight:
            call.alive = now
        call.in_flight[attempt.wire_id] = attempt
        call.tokens += entry.tokens
        sequence = entry.sequence
        message = teacher_service_pb2.Sequence(
            id=attempt.wire_id,
            token_ids=sequence.tokens.tolist(),
            token_ids_crc32c=token_checksum(sequence.tokens),
            positions=[teacher_service_pb2.PositionRange(first=first, count=count) for first, count in ranges_of(sequence.positions)],
            bypass_cache=self._options.bypass_cache,
            chosen=[teacher_service_pb2.ChosenTokens(token_ids=ids.tolist()) for ids in sequence.chosen or ()],
            traceparent=self._traces.traceparent(attempt.span),
        )
        call.outgoing.put(teacher_service_pb2.ScoreSequencesRequest(sequence=message))
        if self._options.hedge_millis > 0:
            self._lock.notify_all()  # the clock has another moment to wake at
        return attempt

    @staticmethod
    def _withdraw(call: Call, attempt: Attempt) -> None:
        """Says that a sequence is no longer wanted; it stays in flight until its end is said."""
        attempt.withdrawn = True
        cancel = teacher_service_pb2.CancelSequence(id=attempt.wire_id)
        call.outgoing.put(teacher_service_pb2.ScoreSequencesRequest(cancel=cancel))

    def _end_call(self, replica: ReplicaConnection, call: Call, failure: Failure) -> None:
        """Gives back what a call leaves unanswered, and leaves the replica alone for a while."""
        unanswered = self._drop(call)
        replica.call = None
        replica.last_failure = failure
        if self._is_over():
            return
        if failure.is_mismatch and (not failure.is_opening_mismatch or replica.standing.mismatched()):
            self._end(failure.as_final(replica.address.target))
            return
        if failure.is_mismatch or failure.remedy_of_call() is not Remedy.GIVE_UP:
            replica.standing.unheard()
        elif replica.standing.refused(failure):
            self._end_where_none_accepts()
            if self._is_over():
                return
            words = f"{failure.code}: {failure.description}"
            _LOG.warning("teacher %s: %s; it is asked again now and then, and others meanwhile", replica.address.target, words)
        delay = self._options.long_backoff(self._random) if replica.standing.refuses else self._backoff(replica)
        replica.connect_at = time.monotonic() + max(failure.retry_after, delay)
        for attempt in unanswered:
            self._retry(replica, attempt, failure, Remedy.RETRY)
        self._pump()
        self._client.resolve_again()
        self._lock.notify_all()

    def _end_where_none_accepts(self) -> None:
        """Ends the stream where each of its replicas refuses it, with what they say."""
        replicas = [replica for replica in self._replicas if not replica.gone]
        if replicas and all(replica.standing.refuses for replica in replicas) and not self._is_over():
            causes = ((replica.address.target, replica.last_failure) for replica in replicas)
            self._end(TeacherRefusedError("; ".join(f"teacher {at}: {why.code}: {why.description}" for at, why in causes if why)))

    @staticmethod
    def _drop(call: Call) -> list[Attempt]:
        """Ends a call here; gives the attempts that were not withdrawn."""
        if not call.ended:
            call.ended = True
            call.outgoing.put(None)
            if call.rpc is not None:
                call.rpc.cancel()
        unanswered = [attempt for attempt in call.in_flight.values() if not attempt.withdrawn]
        for attempt in call.in_flight.values():
            RequestTraces.end(attempt.span)
        call.in_flight.clear()
        call.tokens = 0
        return unanswered

    def _retry(self, replica: ReplicaConnection, attempt: Attempt, failure: Failure, remedy: Remedy) -> None:
        """Puts a sequence back among the waiting ones, unless another replica is at it, or fails it for good."""
        if self._left_to_twin(attempt):
            return
        entry, now = attempt.entry, time.monotonic()
        entry.failures += 1
        if entry.failures == 1:
            entry.first_failure = now
        dropped = attempt.block_bytes
        if remedy is Remedy.RETRY_FEW:
            entry.faults += 1
            again = entry.faults < (_MOST_LATE if failure.code == "DEADLINE_EXCEEDED" else _MOST_FAULTS)
        else:
            # No sequence is given up while rows come, its own or others'.
            again = remedy is Remedy.RETRY and now - max(entry.first_failure, self._rows_at) < self._options.retry_for
        if again:
            entry.last_failed_on = replica
            self._counts.reasked_sequences += 1
            self._counts.discarded_bytes += dropped
            heapq.heappush(self._waiting, entry)
            return
        attempts = "" if entry.failures == 1 else f" (after {entry.failures} attempts)"
        what = f"teacher {replica.address.target}: {failure.description}{attempts}"
        self._resolve(entry, None, SequenceFailedError(entry.sequence.id, failure.code, what), dropped)

    def _backoff(self, replica: ReplicaConnection) -> float:
        ceiling = min(self._options.max_backoff, self._options.first_backoff * 2.0**replica.consecutive_failures)
        replica.consecutive_failures = min(replica.consecutive_failures + 1, 30)
        return ceiling * (0.5 + 0.5 * self._random.random())

    # --- the clock -----------------------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        with self._lock:
            while not self._is_over():
                wanted = min(self._deadlines(), default=_LONGEST_SLEEP)
                sleep = max(0.01, min(_LONGEST_SLEEP, wanted - time.monotonic()))
                before = time.monotonic()
                self._lock.wait(sleep)
                late = time.monotonic() - before - sleep
                if late > OVERSLEPT:
                    self._excuse(late)
                else:
                    self._expire()
                self._pump()

    def _deadlines(self) -> Iterator[float]:
        now = time.monotonic()
        if self._unresolved:
            yield self._progress_at + self._options.retry_for
        for replica in self._replicas:
            if replica.call is not None and not replica.call.opened:
                yield replica.call.open_deadline
            elif replica.call is not None and replica.call.in_flight:
                yield self._stuck_at(replica, replica.call)
            if self._waiting and replica.resume_at > now:
                yield replica.resume_at
        late = self._next_to_hedge()
        if late is not None:
            due = late.sent_at + self._options.hedge_millis / 1e3
            yield due if due > now else now + _BETWEEN_HEDGES

    def _stuck_at(self, replica: ReplicaConnection, call: Call) -> float:
        """When a replica is given up: as its device has stood still for long enough, or, where there is no other to ask, as nothing has
        been heard of it, since what it computes would only begin anew."""
        others = any(other is not replica and other.call is not None and other.call.opened for other in self._replicas)
        return (call.alive if others else max(call.alive, call.heard)) + self._options.progress_timeout

    def _excuse(self, late: float) -> None:
        self._progress_at += late
        self._rows_at += late
        for replica in self._replicas:
            if replica.call is not None:
                replica.call.open_deadline += late
                replica.call.alive += late
                replica.call.heard += late

    def _expire(self) -> None:
        """Ends what has taken too long."""
        now = time.monotonic()
        for replica in list(self._replicas):
            call = replica.call
            if call is None or call.ended:
                continue
            if not call.opened and now >= call.open_deadline:
                self._end_call(replica, call, Failure("UNAVAILABLE", f"no answer within {self._options.open_timeout} s"))
            elif call.in_flight and now >= self._stuck_at(replica, call):
                what = f"no rows, and its device stood still, for {self._options.progress_timeout} s"
                self._end_call(replica, call, Failure("UNAVAILABLE", what))
        if self._unresolved and now >= self._progress_at + self._options.retry_for:
            self._end(
                TeacherUnavailableError(
                    f"no rows for {self._options.retry_for} s with {self._unresolved} sequences wanted; {self._history()}"
                )
            )
