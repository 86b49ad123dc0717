"""A client of one teacher, at one address or at several replicas."""

from __future__ import annotations

import os
import random
import threading
import time

import grpc

from lyne.client.decoding import DecodeSettings, TeacherDecoder
from lyne.client.description import TeacherDescription
from lyne.client.failure import Failure, Remedy, Standing
from lyne.client.options import Address, ClientOptions, Expectation, TokenFile, parse_addresses, require_allowed, resolve
from lyne.client.stream import TargetRequest, TargetStream
from lyne.errors import TeacherRefusedError, TeacherUnavailableError
from lyne.v1 import teacher_service_pb2, teacher_service_pb2_grpc
from lyne.wire.selection import Precision, Selection

__all__ = ["TeacherClient"]

_MAX_MESSAGE_BYTES = 8 << 20
_CHANNEL_OPTIONS: list[tuple[str, int | str]] = [
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.use_local_subchannel_pool", 1),
]


class TeacherClient:
    """Knows the teacher at `HOST:PORT`, at several replicas apart by commas, or at every address behind `dns:///NAME:PORT`.

    Belongs to the process that made it: gRPC does not survive a fork. `lyne.Teacher` opens one in each process.

    Raises:
        ValueError: where the addresses cannot be read, their security does not allow them, or its files cannot be used.
        TeacherUnavailableError: where none answers within the time to open.
        TeacherRefusedError: where every server does not have the teacher, does not know the token, or cannot prove who it is.
    """

    def __init__(self, addresses: str, options: ClientOptions | None = None):
        self._options = options or ClientOptions()
        security = self._options.security
        self._named = parse_addresses(addresses)
        require_allowed(self._named, security)
        self._credentials = security.credentials()
        self._token = None if security.token_file is None else TokenFile(security.token_file)
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._channels: dict[Address, grpc.Channel] = {}
        self._streams: list[TargetStream] = []
        self._addresses: list[Address] = []
        self._closed = False
        self._resolving = False
        try:
            self._teacher = self._describe_first()
        except BaseException:
            self.close()
            raise

    def describe(self) -> TeacherDescription:
        """The teacher, as the first replica that answered described it."""
        return self._teacher

    def open(
        self,
        selection: Selection,
        precision: Precision | str = Precision.EXACT,
        raw_logits: bool = False,
        expectation: Expectation | None = None,
    ) -> TargetStream:
        """Opens a stream of targets, to all replicas; returns once one has opened it.

        Raises:
            ValueError: for a selection that the teacher's vocabulary cannot answer.
            TeacherMismatchError: where a server holds another teacher than expected.
            LyneError: where none can be opened.
        """
        self._require_open()
        request = TargetRequest(selection, Precision.of(precision), raw_logits, expectation or Expectation())
        self._teacher.require_expected(",".join(a.target for a in self.addresses()), request.expectation)
        selection.require_fits(self._teacher.vocabulary_size)
        stream = TargetStream(self, request, self._teacher, self._options)
        with self._lock:
            closed = self._closed
            if not closed:
                self._streams.append(stream)
        if closed:
            stream.close()
            self._require_open()
        return stream

    def decoder(self, settings: DecodeSettings | None = None) -> TeacherDecoder:
        """What continues texts; opens its call with the first of them.

        Raises:
            TeacherMismatchError: where the teacher is not the one meant.
            TeacherRefusedError: where it does not decode.
        """
        self._require_open()
        wanted = settings or DecodeSettings()
        label = ",".join(a.target for a in self.addresses())
        self._teacher.require_expected(label, wanted.expectation)
        if not self._teacher.decodes:
            raise TeacherRefusedError(f"teacher {label}: it does not decode (expected: a model that the server computes itself)")
        return TeacherDecoder(self, wanted, self._teacher, self._options)

    def close(self) -> None:
        """Ends all streams and connections; nothing, in a process that was forked from its own."""
        if self._pid != os.getpid():
            return
        with self._lock:
            self._closed = True
            streams = list(self._streams)
        for stream in streams:
            stream.close()
        with self._lock:
            channels = list(self._channels.values())
        for channel in channels:
            channel.close()

    def __enter__(self) -> TeacherClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- for its streams ----------------------------------------------------------------------------------------------------

    def require_own_process(self) -> None:
        """Refuses a process that was forked from the one that made it: the threads that answer are not there, and a wait would not end."""
        if self._pid != os.getpid():
            expected = f"{self._pid}, which made the client; lyne.Teacher opens one in each process"
            raise ValueError(f"process {os.getpid()} (expected: {expected})")

    def _require_open(self) -> None:
        self.require_own_process()
        if self._closed:
            raise ValueError("the client is closed")

    @property
    def closed(self) -> bool:
        """Whether it makes no calls any more."""
        return self._closed

    def addresses(self) -> list[Address]:
        """The replicas known now."""
        with self._lock:
            return list(self._addresses)

    def channel(self, address: Address) -> grpc.Channel:
        """The channel to a replica, which all streams share."""
        with self._lock:
            if self._closed:
                raise ValueError("the client is closed")  # nobody would close another channel
            if address not in self._channels:
                options = list(_CHANNEL_OPTIONS)
                if self._credentials is None:
                    channel = grpc.insecure_channel(address.target, options)
                else:
                    name = self._options.security.tls_server_name or address.host
                    options += [("grpc.ssl_target_name_override", name), ("grpc.default_authority", name)]
                    channel = grpc.secure_channel(address.target, self._credentials, options)
                self._channels[address] = channel
            return self._channels[address]

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What a call carries."""
        return () if self._token is None else self._token.metadata()

    def forget(self, stream: TargetStream) -> None:
        """A stream was closed."""
        with self._lock:
            if stream in self._streams:
                self._streams.remove(stream)

    def resolve_again(self) -> None:
        """Looks names up again after a replica was lost: on a thread of its own, once at a time."""
        with self._lock:
            if self._closed or self._resolving or not any(every for _, _, every in self._named):
                return
            self._resolving = True
        try:
            threading.Thread(target=self._resolve_for_streams, name="lyne-resolve", daemon=True).start()
        except RuntimeError:  # no thread can be had now: the addresses known so far stay
            with self._lock:
                self._resolving = False

    def _resolve_for_streams(self) -> None:
        try:
            try:
                found = resolve(self._named)
            except (OSError, UnicodeError):
                found = self.addresses()  # the addresses known so far stay
            with self._lock:
                self._addresses = found
                streams = list(self._streams)
            for stream in streams:
                try:
                    stream.set_replicas(found)
                except RuntimeError:  # no thread can be had now: the next look-up tries again
                    continue
        finally:
            with self._lock:
                self._resolving = False

    # --- the first word -------------------------------------------------------------------------------------------------------

    def _describe_first(self) -> TeacherDescription:
        """Asks one replica after the other until one describes its teacher or time is up.

        A description is believed once it was heard twice: all that comes later is compared with it, and one that was changed on the way
        would be everybody's word against it.
        """
        start = time.monotonic()
        tried: dict[str, str] = {}
        standings: dict[Address, Standing] = {}
        heard: list[TeacherDescription] = []
        delay = self._options.first_backoff
        while True:
            try:
                self._addresses = resolve(self._named)
            except OSError as e:
                tried[",".join(host for host, _, _ in self._named)] = f"unknown host ({e})"
            for address in self._addresses:
                standing = standings.setdefault(address, Standing())
                try:
                    for _ in range(2):
                        left = self._options.open_timeout - (time.monotonic() - start)
                        if left <= 0:
                            tried.setdefault(address.target, f"no answer within {self._options.open_timeout} s")
                            break
                        description = self._describe(address, left)
                        standing.accepted()
                        if description in heard:
                            return description
                        heard.append(description)
                except grpc.RpcError as e:
                    failure = Failure.of_call(e)
                    if failure.remedy_of_call() is Remedy.GIVE_UP or failure.description.startswith("TLS: "):
                        standing.refused(failure)
                        tried[address.target] = f"{failure.code}: {failure.description}"
                        continue
                    standing.unheard()
                    late = failure.code == "DEADLINE_EXCEEDED"
                    tried[address.target] = f"no answer within {self._options.open_timeout} s" if late else failure.description
            history = "; ".join(f"teacher {who}: {why}" for who, why in tried.items())
            if self._addresses and all(standings[address].refuses for address in self._addresses):
                raise TeacherRefusedError(history)
            left = self._options.open_timeout - (time.monotonic() - start)
            if left <= 0:
                raise TeacherUnavailableError(history)
            time.sleep(min(left, delay * (0.5 + 0.5 * random.random())))
            delay = min(2 * delay, self._options.max_backoff)

    def _describe(self, address: Address, timeout: float) -> TeacherDescription:
        stub = teacher_service_pb2_grpc.TeacherServiceStub(self.channel(address))
        request = teacher_service_pb2.GetTeacherRequest(name=self._options.teacher)
        response = stub.GetTeacher(request, timeout=timeout, metadata=self.metadata())
        return TeacherDescription.of(response.teacher)
