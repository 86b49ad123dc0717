"""Texts that a teacher continues, many at once: its draws, and the log-probabilities of what the student took.

On one replica at a time. Where it is lost, is stuck or goes away, another one is told all tokens so far and goes on with the same keys, and
so with the same uniform numbers: the draws are the same bit for bit where the teacher is deterministic, elsewhere but for those that the
last bits of a distribution decide. Nothing that was answered is answered again.
"""

from __future__ import annotations

import logging
import math
import os
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
import numpy as np
from numpy.typing import NDArray

from lyne.client.description import TeacherDescription
from lyne.client.failure import Failure, Remedy, Standing
from lyne.client.options import OVERSLEPT, Address, ClientOptions, Expectation
from lyne.errors import SequenceFailedError, TeacherMismatchError, TeacherRefusedError, TeacherUnavailableError
from lyne.v1 import decode_pb2, teacher_pb2, teacher_service_pb2_grpc
from lyne.wire.digests import token_checksum

if TYPE_CHECKING:
    from lyne.client.client import TeacherClient

__all__ = ["Answered", "DecodeSettings", "Ended", "Failed", "TeacherDecoder"]

_POLL_SECONDS = 0.25
_FEW_TRIES = 3
#: A device that works for others alone is waited for, but not for ever.
_WITHOUT_ANSWERS = 10
_MOST_STOP_IDS = 64
_LOG = logging.getLogger(__name__)
_MOST_START_TOKENS = 1 << 17


@dataclass(frozen=True)
class DecodeSettings:
    """What all texts of a decoder have in common.

    Attributes:
        seed: of the draws; with a text's key and a token's number it decides the uniform number that draws the token.
        temperature: of the proposal, which tokens are drawn from; 0 takes the most probable token.
        top_p: probability that the most probable tokens have to reach to be the proposal, in (0, 1].
        stop_ids: tokens that end a run of draws, whose last they are; at most 64.
        expectation: the teacher meant.
    """

    seed: int = 0
    temperature: float = 1.0
    top_p: float = 1.0
    stop_ids: tuple[int, ...] = ()
    expectation: Expectation = field(default_factory=Expectation)

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 1 << 64:
            raise ValueError(f"seed: {self.seed} (expected: 0..2^64 - 1)")
        if not (self.temperature >= 0 and math.isfinite(self.temperature)):
            raise ValueError(f"temperature: {self.temperature} (expected: finite, 0 or more)")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p: {self.top_p} (expected: above 0, at most 1)")
        if len(set(self.stop_ids)) > _MOST_STOP_IDS:
            raise ValueError(f"stop_ids: {len(set(self.stop_ids))} (expected: at most {_MOST_STOP_IDS})")


@dataclass(frozen=True)
class Answered:
    """Tokens of a text with their log-probabilities: first those that the student took, then those that were drawn.

    Attributes:
        key: the text's.
        taken: how many of them the student took.
        drawn: the ids that were drawn, in order.
        logprobs: at temperature 1, of all of them.
        proposal_logprobs: under the proposal; −inf for a token outside it, which only the student can have taken.
    """

    key: int
    taken: int
    drawn: NDArray[np.int32]
    logprobs: NDArray[np.float32]
    proposal_logprobs: NDArray[np.float32]


@dataclass(frozen=True)
class Ended:
    """A text that the student ended, and that is owed nothing more."""

    key: int


@dataclass(frozen=True)
class Failed:
    """A text that failed alone and for good; nothing more of it comes."""

    key: int
    failure: SequenceFailedError


@dataclass(eq=False)
class _Text:
    """A text as the student knows it. What a server was told of it belongs to one call."""

    key: int
    tokens: list[int]
    prompt_tokens: int
    answered: int
    draws: int
    last: bool = False
    number: int = -1
    told: int = 0
    dirty: bool = False
    restart_at: float = 0.0
    failures: int = 0

    @property
    def is_owed(self) -> bool:
        return self.answered < len(self.tokens) or self.draws > 0 or self.last

    def call_lost(self) -> None:
        self.number, self.told, self.dirty = -1, 0, self.is_owed


@dataclass(eq=False)
class _Call:
    """One Decode call, read by a thread of its own."""

    address: Address
    outgoing: queue.SimpleQueue = field(default_factory=queue.SimpleQueue)
    rpc: grpc.Call | None = None
    ended: bool = False

    def end(self) -> None:
        self.ended = True
        self.outgoing.put(None)
        if self.rpc is not None:
            self.rpc.cancel()


class TeacherDecoder:
    """Decodes texts; made by `TeacherClient.decoder`. One thread calls it; a context manager.

    What is said of texts is collected and sent together when an event is waited for.
    """

    def __init__(self, client: TeacherClient, settings: DecodeSettings, teacher: TeacherDescription, options: ClientOptions):
        self._client, self._teacher, self._options, self.settings = client, teacher, options, settings
        self._incoming: queue.SimpleQueue[tuple[_Call, decode_pb2.DecodeResponse | Failure]] = queue.SimpleQueue()
        self._events: deque[Answered | Ended | Failed] = deque()
        self._texts: dict[int, _Text] = {}
        self._by_number: dict[int, _Text] = {}
        self._tried: dict[str, str] = {}
        self._standings: dict[Address, Standing] = {}
        self._ask_again_at: dict[Address, float] = {}  # of replicas that refuse
        self._faulted: set[int] = set()  # keys of the texts that failed since anything was answered
        self._call: _Call | None = None
        self._next_replica = settings.seed
        self._failures_in_a_row = 0
        self._heard = False
        self._connect_at = 0.0
        self._random = random.Random(0)
        self._device_positions = -1
        self._closed = False
        self._pid = os.getpid()
        self._restart_retry_time()

    # --- what the student calls -----------------------------------------------------------------------------------------

    @property
    def teacher(self) -> TeacherDescription:
        """The teacher that decodes."""
        return self._teacher

    def start(self, key: int, prompt: Sequence[int], draws: int = 0) -> None:
        """Begins a text.

        Args:
            key: tells it from all others of the seed, 0..2^64 − 1; the same key is the same draws.
            prompt: at least one token.
            draws: tokens that the teacher draws at once, or fewer where a stop token comes.
        """
        self._require_open()
        tokens = self._ids(prompt)
        if not tokens:
            raise ValueError("prompt: 0 tokens (expected: at least 1)")
        if not 0 <= key < 1 << 64 or key in self._texts:
            raise ValueError(f"key: {key} (expected: 0..2^64 - 1, and one that no live text has)")
        self._require_fits(len(tokens), draws)
        self._begin()
        self._texts[key] = _Text(key, tokens, len(tokens), len(tokens), draws, dirty=draws > 0)

    def step(self, key: int, ids: Sequence[int] = (), draws: int = 0) -> None:
        """Says what a text took behind what was drawn, and how many tokens are to be drawn next; what was taken is answered."""
        text, taken = self._live(key), self._ids(ids)
        self._require_fits(len(text.tokens) + len(taken), draws)
        self._begin()
        text.tokens.extend(taken)
        text.draws = draws
        text.dirty = text.dirty or bool(taken) or draws > 0

    def end(self, key: int, ids: Sequence[int] = ()) -> None:
        """Ends a text; what it is owed still comes, and then `Ended`."""
        self.step(key, ids)
        text = self._texts[key]
        text.last = text.dirty = True

    @property
    def is_owed(self) -> bool:
        """Whether an event is to come."""
        return bool(self._events) or any(text.is_owed for text in self._texts.values())

    def take(self) -> Answered | Ended | Failed:
        """The next event; waits for it.

        Raises:
            ValueError: where nothing is owed.
            TeacherUnavailableError: where no teacher goes on within `retry_for`.
            TeacherMismatchError, TeacherRefusedError: where it is another teacher, or one that does not decode so.
        """
        while not self._events:
            self._require_open()
            if not self.is_owed:
                raise ValueError("take: nothing is owed (expected: a text with draws or tokens to answer)")
            self._flush()
            try:
                self._handle(*self._next(_POLL_SECONDS))
                while True:
                    self._handle(*self._incoming.get_nowait())
            except queue.Empty:
                pass
            if not self._events:
                self._watch()
        return self._events.popleft()

    def close(self) -> None:
        """Ends the call; its texts are forgotten on both sides. Nothing, in a process that was forked from its own."""
        self._closed = True
        if self._pid != os.getpid():
            return
        if self._call is not None:
            self._call.end()
            self._call = None

    def __enter__(self) -> TeacherDecoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- texts ----------------------------------------------------------------------------------------------------------

    def _ids(self, ids: Iterable[int]) -> list[int]:
        tokens = [int(id) for id in ids]
        for id in tokens:
            if not 0 <= id < self._teacher.vocabulary_size:
                raise ValueError(f"token {id} (expected: 0..{self._teacher.vocabulary_size - 1})")
        return tokens

    def _live(self, key: int) -> _Text:
        self._require_open()
        text = self._texts.get(key)
        if text is None or text.last:
            raise ValueError(f"key: {key} (expected: a text that was started and not ended)")
        if text.draws > 0:
            raise ValueError(f"text {key}: {text.draws} draws are owed (expected: none)")
        return text

    def _require_fits(self, tokens: int, draws: int) -> None:
        if draws < 0 or tokens + draws > self._teacher.context_length:
            most = self._teacher.context_length
            raise ValueError(f"tokens: {tokens} and {draws} draws (expected: at most context_length={most} together)")

    def _require_open(self) -> None:
        self._client.require_own_process()
        if self._closed or self._client.closed:
            raise ValueError("the decoder is closed")

    def _begin(self) -> None:
        """`retry_for` counts from the first text that has to be waited for."""
        if not self.is_owed:
            self._restart_retry_time()

    # --- what is said ---------------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        """Sends what was said of texts, on a call that is opened where there is none."""
        if self._call is None and any(text.dirty for text in self._texts.values()):
            self._connect()
        now = time.monotonic()
        dirty = [text for text in self._texts.values() if text.dirty and text.restart_at <= now]
        if dirty:
            self._start_texts([text for text in dirty if text.number < 0])
            self._step_texts([text for text in dirty if text.dirty])

    def _start_texts(self, joining: list[_Text]) -> None:
        message, tokens = decode_pb2.StartSequences(), 0
        free = (number for number in range(len(self._texts) + len(joining)) if number not in self._by_number)
        for text in joining:
            text.number = next(free)
            self._by_number[text.number] = text
            text.told = text.answered
            known = text.tokens[: text.told]
            whole = text.told == len(text.tokens)
            message.sequences.add(
                sequence=text.number,
                key=text.key,
                token_ids=known,
                token_ids_crc32c=token_checksum(np.array(known, dtype=np.int32)),
                prompt_tokens=0 if text.prompt_tokens == len(known) else text.prompt_tokens,
                draws=text.draws if whole else 0,
            )
            if whole:
                text.dirty = text.last
            tokens += len(known)
            if tokens >= _MOST_START_TOKENS:
                self._send(decode_pb2.DecodeRequest(start=message))
                message, tokens = decode_pb2.StartSequences(), 0
        if message.sequences:
            self._send(decode_pb2.DecodeRequest(start=message))

    def _step_texts(self, dirty: list[_Text]) -> None:
        message, taken = decode_pb2.StepSequences(), []
        for text in dirty:
            text.dirty = False
            if text.last:
                message.ended.append(text.number)
            if text.told < len(text.tokens) or text.draws > 0:
                message.sequences.append(text.number)
                message.taken_counts.append(len(text.tokens) - text.told)
                message.draws.append(text.draws)
                taken.extend(text.tokens[text.told :])
                text.told = len(text.tokens)
        if taken:
            message.taken_token_ids.extend(taken)
            message.taken_token_ids_crc32c = token_checksum(np.array(taken, dtype=np.int32))
        if message.sequences or message.ended:
            self._send(decode_pb2.DecodeRequest(step=message))

    def _send(self, request: decode_pb2.DecodeRequest) -> None:
        assert self._call is not None
        self._sent_at = time.monotonic()
        self._call.outgoing.put(request)

    # --- what comes back --------------------------------------------------------------------------------------------------

    def _handle(self, call: _Call, one: decode_pb2.DecodeResponse | Failure) -> None:
        if call is not self._call:
            return  # of a call that was given up
        if isinstance(one, Failure):
            self._lost(one)
            return
        kind = one.WhichOneof("message")
        if kind == "decoded":
            self._decoded(one.decoded)
        elif kind == "failed":
            self._failed(one.failed.sequence, Failure.of_sequence(one.failed.status))
        elif kind == "progress":
            if one.progress.device_positions != self._device_positions:
                self._device_positions = one.progress.device_positions
                self._moved_at = time.monotonic()
        else:
            self._broken(f"message: {kind}")

    def _decoded(self, columns: decode_pb2.DecodedTokens) -> None:
        plain = np.array(columns.log_probabilities, dtype=np.float32)
        under = np.array(columns.proposal_log_probabilities, dtype=np.float32) if columns.proposal_log_probabilities else plain
        ids = list(columns.drawn_token_ids)
        at = drawn_at = 0
        for i, number in enumerate(columns.sequences):
            text = self._by_number.get(number)
            taken = columns.taken_counts[i] if columns.taken_counts else 0
            drawn = columns.drawn_counts[i] if columns.drawn_counts else 1
            if (
                text is None
                or taken > len(text.tokens) - text.answered
                or drawn > text.draws
                or at + taken + drawn > min(len(plain), len(under))
                or drawn_at + drawn > len(ids)
            ):
                self._broken(f"an answer of {taken} taken and {drawn} drawn tokens to sequence {number}, which is not owed them")
                return
            these, part = ids[drawn_at : drawn_at + drawn], slice(at, at + taken + drawn)
            if any(id >= self._teacher.vocabulary_size for id in these) or not (plain[part] <= 1e-4).all():
                self._broken(f"sequence {number}: token ids {these} with log-probabilities {plain[part].tolist()}")
                return
            for id in these:
                text.tokens.append(id)
                text.draws = 0 if id in self.settings.stop_ids else text.draws - 1
            text.answered += taken + drawn
            text.told = max(text.told, text.answered)
            text.failures = 0
            self._events.append(Answered(text.key, taken, np.array(these, dtype=np.int32), plain[part], under[part]))
            at, drawn_at = at + taken + drawn, drawn_at + drawn
        for number in columns.ended:
            text = self._by_number.pop(number, None)
            if text is None or not text.last:
                self._broken(f"the end of sequence {number}, which was not ended")
                return
            del self._texts[text.key]
            self._events.append(Ended(text.key))
        self._heard = True
        self._faulted.clear()
        if self._call is not None:
            self._standing(self._call.address).answered()
        self._restart_retry_time()  # a whole message that holds: what breaks the protocol is no progress
        refusing = {address.target for address, standing in self._standings.items() if standing.refuses}
        self._tried = {label: what for label, what in self._tried.items() if label in refusing}
        self._failures_in_a_row = 0

    def _failed(self, number: int, failure: Failure) -> None:
        text = self._by_number.pop(number, None)
        if text is None:
            return  # one that failed twice, as its step crossed its failure
        text.call_lost()
        remedy = failure.remedy_of_sequence()
        fault = remedy is Remedy.RETRY_FEW
        leave = fault and self._doubt(text)
        spared = leave and len(self._faulted) > 1  # no text spends a try where others fail, too, while another replica may be better
        text.failures += not spared
        if remedy is Remedy.RETRY or spared or (fault and text.failures < _FEW_TRIES):
            text.dirty = True
            text.restart_at = time.monotonic() + max(failure.retry_after, self._backoff())
            self._tried[self._label()] = f"{failure.code}: {failure.description}"
        else:
            del self._texts[text.key]
            what = f"teacher {self._label()}: {failure.description}"
            self._events.append(Failed(text.key, SequenceFailedError(text.key, failure.code, what)))
        if leave:
            self._heard = False
            self._lost(Failure("UNAVAILABLE", f"one text after the other fails there: {failure.code}: {failure.description}"))

    def _doubt(self, text: _Text) -> bool:
        """A text failed by a fault; gives whether it was not the first since the replica answered, and another replica may be better."""
        assert self._call is not None
        self._faulted.add(text.key)
        address = self._call.address
        here = self._standing(address)
        before = here.in_doubt
        here.faulted()
        others = (self._standing(other) for other in self._client.addresses() if other != address)
        return before and any(not other.refuses and not other.in_doubt for other in others)

    def _standing(self, address: Address) -> Standing:
        return self._standings.setdefault(address, Standing())

    def _label(self) -> str:
        return "" if self._call is None else self._call.address.target

    def _broken(self, what: str) -> None:
        self._lost(Failure("INTERNAL", f"broke the protocol: {what}"))

    def _lost(self, failure: Failure) -> None:
        """The call is over: its texts are told to another."""
        label, ended = self._label(), self._call
        if ended is not None:
            ended.end()
        self._call = None
        self._by_number.clear()
        for text in self._texts.values():
            text.call_lost()
        self._tried[label] = f"{failure.code}: {failure.description}"
        if ended is not None:
            self._note(ended.address, failure)
        # Who opens calls and answers none, or refuses, is not asked again at once, and others first.
        if not self._heard or failure.remedy_of_call() is Remedy.GIVE_UP:
            self._next_replica += 1
            self._connect_at = time.monotonic() + self._backoff()
        self._client.resolve_again()

    def _note(self, address: Address, failure: Failure) -> None:
        """Takes note of why a replica ended or did not open a call; raises where it is another teacher, or none is left that may accept."""
        standing = self._standing(address)
        if failure.is_mismatch and (not failure.is_opening_mismatch or standing.mismatched()):
            raise failure.as_final(address.target)
        if failure.is_mismatch or failure.remedy_of_call() is not Remedy.GIVE_UP:
            standing.unheard()
            return
        newly = standing.refused(failure)
        if standing.refuses:
            self._ask_again_at[address] = time.monotonic() + self._options.long_backoff(self._random)
            self._require_one_that_may_accept(self._client.addresses())
        if newly:
            words = f"{failure.code}: {failure.description}"
            _LOG.warning("teacher %s: %s; it is asked again now and then, and others meanwhile", address.target, words)

    def _require_one_that_may_accept(self, known: list[Address]) -> None:
        if known and all(self._standing(address).refuses for address in known):
            raise TeacherRefusedError(self._history())

    # --- replicas -----------------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        """Opens a call with the next replica that opens one, waiting for as long as `retry_for` says."""
        in_a_row = 0
        self._sleep(max(0.0, self._connect_at - time.monotonic()))
        while self._call is None:
            self._require_open()
            known = self._client.addresses()
            if in_a_row >= max(1, len(known)):
                in_a_row = 0
                self._sleep(self._backoff())
            self._require_retry_time_left()
            self._require_one_that_may_accept(known)
            if known:
                address = known[self._next_replica % len(known)]
                if self._standing(address).refuses and time.monotonic() < self._ask_again_at.get(address, 0.0):
                    self._next_replica += 1
                else:
                    self._open(address)
                in_a_row += 1

    def _open(self, address: Address) -> None:
        call = _Call(address)
        try:
            self._await_opened(call)
        finally:
            if self._call is not call:
                call.end()  # nobody else has it to end, whatever came in between

    def _await_opened(self, call: _Call) -> None:
        address = call.address
        call.outgoing.put(decode_pb2.DecodeRequest(open=self._open_message()))
        threading.Thread(target=self._read, args=(call,), name=f"lyne-decode-{address.target}", daemon=True).start()
        deadline = time.monotonic() + self._options.open_timeout
        self._next_replica += 1
        while (left := deadline - time.monotonic()) > 0:
            try:
                source, one = self._next(min(left, _POLL_SECONDS))
            except queue.Empty:
                self._require_retry_time_left()
                continue
            if source is not call:
                continue
            if isinstance(one, Failure):
                self._tried[address.target] = f"{one.code}: {one.description}"
                self._note(address, one)
                self._client.resolve_again()
                return
            if one.WhichOneof("message") == "opened":
                try:
                    TeacherDescription.of(one.opened.teacher).require_same(address.target, self._teacher)
                except TeacherMismatchError as e:
                    if self._standing(address).mismatched():
                        raise
                    self._tried[address.target] = str(e)
                    return
                self._standing(address).accepted()
                self._call = call
                self._heard = False
                self._next_replica -= 1  # the same one first, where it is only this call that ends
                self._moved_at = time.monotonic()
                return
        self._tried[address.target] = f"not opened within {self._options.open_timeout} s"

    def _read(self, call: _Call) -> None:
        """The life of a call's thread."""
        failure = Failure("UNAVAILABLE", "the server completed the call")
        try:
            stub = teacher_service_pb2_grpc.TeacherServiceStub(self._client.channel(call.address))
            call.rpc = stub.Decode(iter(call.outgoing.get, None), metadata=self._client.metadata())
            if call.ended:
                call.rpc.cancel()
            for response in call.rpc:
                self._incoming.put((call, response))
        except grpc.RpcError as e:
            failure = Failure.of_call(e)
        except Exception as e:  # a thread has nobody else to tell
            failure = Failure("INTERNAL", f"the client's own fault: {e!r}")
        call.outgoing.put(None)
        self._incoming.put((call, failure))

    def _open_message(self) -> decode_pb2.OpenDecode:
        settings, known = self.settings, self._teacher
        expected = settings.expectation
        message = decode_pb2.OpenDecode(
            teacher=self._options.teacher,
            expected_digests=teacher_pb2.TeacherDigests(
                model_sha256=bytes.fromhex(expected.model_sha256 or known.model_sha256),
                tokenizer_sha256=bytes.fromhex(expected.tokenizer_sha256 or known.tokenizer_sha256),
            ),
            expected_vocabulary_size=known.vocabulary_size,
            temperature=settings.temperature,
            top_p=settings.top_p,
            seed=settings.seed,
            stop_token_ids=sorted(set(settings.stop_ids)),
            student=self._options.student,
            priority=self._options.priority_message(),
        )
        machine = expected.fingerprint_message()
        if machine is not None:
            message.expected_execution_fingerprint.CopyFrom(machine)
        return message

    # --- the clock ------------------------------------------------------------------------------------------------------------

    def _restart_retry_time(self) -> None:
        self._answered_at = self._moved_at = self._sent_at = time.monotonic()

    def _next(self, longest: float) -> tuple[_Call, decode_pb2.DecodeResponse | Failure]:
        """The next message; raises `queue.Empty` where none comes within that time."""
        before = time.monotonic()
        try:
            return self._incoming.get(timeout=longest)
        finally:
            self._excuse(time.monotonic() - before - longest)

    def _sleep(self, seconds: float) -> None:
        before = time.monotonic()
        time.sleep(seconds)
        self._excuse(time.monotonic() - before - seconds)

    def _excuse(self, late: float) -> None:
        """A wait that ended this much too late was asleep with the whole process: nothing is held against the teacher."""
        if late > OVERSLEPT:
            self._restart_retry_time()

    def _watch(self) -> None:
        """Gives a replica up whose device stands still, and everything once `retry_for` is over."""
        self._require_retry_time_left()
        by_server = any(text.is_owed and text.number >= 0 for text in self._texts.values())
        still = time.monotonic() - max(self._moved_at, self._sent_at)
        if self._call is not None and by_server and still >= self._options.progress_timeout:
            self._heard = False
            self._lost(Failure("UNAVAILABLE", f"no progress for {self._options.progress_timeout} s"))

    def _require_retry_time_left(self) -> None:
        now, longest = time.monotonic(), self._options.retry_for
        if now - self._answered_at >= _WITHOUT_ANSWERS * longest or now - max(self._moved_at, self._answered_at) >= longest:
            raise TeacherUnavailableError(f"no answer for {longest} s; {self._history()}")

    def _history(self) -> str:
        return "; ".join(f"teacher {label}: {what}" for label, what in self._tried.items()) or "nothing was refused"

    def _backoff(self) -> float:
        ceiling = min(self._options.max_backoff, self._options.first_backoff * 2.0**self._failures_in_a_row)
        self._failures_in_a_row = min(self._failures_in_a_row + 1, 30)
        return ceiling * (0.5 + 0.5 * self._random.random())
