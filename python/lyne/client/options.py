"""How a client speaks to teachers: addresses, security, timeouts, and what it expects of them."""

from __future__ import annotations

import ipaddress
import os
import random
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from lyne.v1 import teacher_pb2

__all__ = ["Address", "ClientOptions", "Expectation", "Fingerprint", "Security", "TokenFile", "parse_addresses", "require_allowed"]

_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"

#: A wait that ends this many seconds too late was asleep itself, with the whole process: nothing is held against a teacher.
OVERSLEPT = 2.0

#: Execution fingerprint: PyTorch's version, device, CPU capability, threads, compute precision and the version of the arithmetic.
Fingerprint = tuple[str, str, str, int, str, int]


@dataclass(frozen=True)
class Expectation:
    """What the student knows of its teacher; a field left out is not checked against the outside, only among replicas.

    Attributes:
        model_sha256: digest of the model, 64 hexadecimal digits.
        tokenizer_sha256: digest of the tokenizer.
        vocabulary_size: ids that rows cover; 0: not checked.
        fingerprint: the machine's execution fingerprint as `TeacherDescription` has it, for bit-exact repetition.
    """

    model_sha256: str | None = None
    tokenizer_sha256: str | None = None
    vocabulary_size: int = 0
    fingerprint: Fingerprint | None = None

    def __post_init__(self) -> None:
        for name in ("model_sha256", "tokenizer_sha256"):
            value = getattr(self, name)
            if value is not None and not re.fullmatch("[0-9a-f]{64}", value):
                raise ValueError(f"{name}: '{value}' (expected: 64 lower-case hexadecimal digits)")
        if self.vocabulary_size < 0:
            raise ValueError(f"vocabulary_size: {self.vocabulary_size} (expected: at least 0)")

    def fingerprint_message(self) -> teacher_pb2.ExecutionFingerprint | None:
        """The fingerprint in the words of the contract."""
        if self.fingerprint is None:
            return None
        torch_version, device, capability, threads, precision, arithmetic = self.fingerprint
        return teacher_pb2.ExecutionFingerprint(
            torch_version=torch_version,
            device=device,
            cpu_capability=capability,
            threads=threads,
            compute_precision=precision,
            arithmetic_version=arithmetic,
        )


@dataclass(frozen=True)
class Security:
    """How a client speaks to servers; by default in plain text, to this machine only.

    Attributes:
        tls: TLS with the authorities that gRPC brings along.
        tls_ca: PEM certificates of whom to believe instead.
        tls_server_name: name that a server's certificate must have; by default the host that was dialled.
        token_file: holds the bearer token; read again when it changes.
        insecure: plain text to any host.
        tls_client_cert: PEM certificates to show, one's own first, where servers know callers by theirs; read when a client is made.
        tls_client_key: PEM file of its private key, not encrypted.
    """

    tls: bool = False
    tls_ca: str | os.PathLike[str] | None = None
    tls_server_name: str | None = None
    token_file: str | os.PathLike[str] | None = None
    insecure: bool = False
    tls_client_cert: str | os.PathLike[str] | None = None
    tls_client_key: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if self.uses_tls and self.insecure:
            raise ValueError("insecure: with TLS (expected: one of them; insecure means plain text, not an unchecked certificate)")
        if self.tls_server_name is not None and not self.uses_tls:
            raise ValueError(f"tls_server_name: {self.tls_server_name} (expected: only with tls_ca or tls)")
        if (self.tls_client_cert is None) != (self.tls_client_key is None):
            cert, key = ("none" if file is None else file for file in (self.tls_client_cert, self.tls_client_key))
            raise ValueError(f"tls_client_cert: {cert}, tls_client_key: {key} (expected: both or neither)")
        if self.tls_client_cert is not None and not self.uses_tls:
            raise ValueError(f"tls_client_cert: {self.tls_client_cert} (expected: only with tls_ca or tls)")

    @property
    def uses_tls(self) -> bool:
        return self.tls or self.tls_ca is not None

    def credentials(self) -> grpc.ChannelCredentials | None:
        """What channels are made with; None for plain text."""
        if not self.uses_tls:
            return None
        authorities = None
        if self.tls_ca is not None:
            authorities = _read("tls_ca", self.tls_ca)
            if _CERTIFICATE not in authorities:
                raise ValueError(f"tls_ca: {self.tls_ca} (expected: certificates in PEM)")
        return grpc.ssl_channel_credentials(authorities, *self._shown())

    def _shown(self) -> tuple[bytes | None, bytes | None]:
        """The private key and the certificates that a client shows, as they are now; neither where it shows none."""
        if self.tls_client_cert is None or self.tls_client_key is None:
            return None, None
        certificates, key = _read("tls_client_cert", self.tls_client_cert), _read("tls_client_key", self.tls_client_key)
        try:
            # gRPC would say nothing of a file that it cannot use, but fail at each handshake. A password is never asked for.
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(self.tls_client_cert, self.tls_client_key, lambda: "")
        except (ssl.SSLError, ValueError):
            # Without its cause, which may show what stands in the key's file.
            raise ValueError(
                f"tls_client_cert: {self.tls_client_cert}, tls_client_key: {self.tls_client_key}"
                " (expected: certificates and the first one's private key, in PEM, not encrypted)"
            ) from None
        return key, certificates


def _read(option: str, file: str | os.PathLike[str]) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as e:
        raise ValueError(f"{option}: {file}: {e.strerror}") from e


class TokenFile:
    """The bearer token of a file, read again when the file changes."""

    def __init__(self, path: str | os.PathLike[str]):
        self._path = Path(path)
        self._seen: tuple[int, int, int] | None = None
        self._token = ""
        self._read()

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What a call carries. A file that cannot be used any more leaves the token before."""
        try:
            if self._stat() != self._seen:
                self._read()
        except (OSError, ValueError):
            pass
        return (("authorization", f"Bearer {self._token}"),)

    def _stat(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> None:
        try:
            seen = self._stat()
            lines = self._path.read_text().splitlines()
        except OSError as e:
            raise ValueError(f"token_file: {self._path}: {e.strerror}") from e
        words = [line.split() for line in lines if line.strip() and not line.lstrip().startswith("#")]
        if len(words) != 1 or len(words[0]) > 2:
            raise ValueError(f"token_file: {self._path}: {len(words)} lines (expected: one, TOKEN or NAME TOKEN)")
        self._token, self._seen = words[0][-1], seen


#: Classes of work, the most urgent first.
PRIORITIES = ("interactive", "training", "capture")


@dataclass(frozen=True)
class ClientOptions:
    """How a client asks. All durations in seconds, but where a name says otherwise.

    Attributes:
        teacher: name of the teacher on its server; empty: its only one.
        student: name of the student in the server's metrics and logs.
        window_sequences: most sequences offered and not taken.
        window_tokens: most tokens of them.
        open_timeout: how long opening may take in all.
        retry_for: how long a stream may go without any progress, by rows or by a server's word that its device moves.
        progress_timeout: how long one replica may owe sequences without progress before others are asked for them.
        hedge_millis: how long a sequence may go unanswered before a second replica is asked for it, too, in milliseconds: one at a time,
            each once, at most one in twenty; the first answer is used. 0: none is.
        first_backoff: first delay before a reconnection; it doubles up to max_backoff.
        priority: class of the work, `interactive`, `training` or `capture`; None: training, or the highest that the token may use.
        bypass_cache: whether servers compute every row afresh.
        on_progress: called with `StreamStatistics` after each sequence that arrives, on the thread that received it; keep it short.
    """

    teacher: str = ""
    student: str = ""
    window_sequences: int = 64
    window_tokens: int = 1 << 18
    open_timeout: float = 30.0
    retry_for: float = 120.0
    progress_timeout: float = 30.0
    hedge_millis: float = 0.0
    first_backoff: float = 0.1
    max_backoff: float = 10.0
    priority: str | None = None
    bypass_cache: bool = False
    security: Security = field(default_factory=Security)
    on_progress: Callable[..., None] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if len(self.student) > 128:
            raise ValueError(f"student: {len(self.student)} characters (expected: at most 128)")
        if self.priority is not None and self.priority not in PRIORITIES:
            raise ValueError(f"priority: {self.priority} (expected: {', '.join(PRIORITIES)})")
        for name in ("window_sequences", "window_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} (expected: at least 1)")
        for name in ("open_timeout", "retry_for", "progress_timeout", "first_backoff"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: {getattr(self, name)} (expected: above 0)")
        if not 0 <= self.hedge_millis <= 8.64e7:
            raise ValueError(f"hedge_millis: {self.hedge_millis} (expected: 0..8.64e7)")
        if self.max_backoff < self.first_backoff:
            raise ValueError(f"max_backoff: {self.max_backoff} (expected: at least {self.first_backoff})")

    def long_backoff(self, drawn: random.Random) -> float:
        """The delay, in seconds, where asking again soon is in vain: three times the longest, drawn from its upper half."""
        return 3 * self.max_backoff * (0.5 + 0.5 * drawn.random())

    def priority_message(self) -> teacher_pb2.Priority:
        """The word of the contract for the class of the work."""
        return (
            teacher_pb2.PRIORITY_UNSPECIFIED if self.priority is None else teacher_pb2.Priority.Value(f"PRIORITY_{self.priority.upper()}")
        )


@dataclass(frozen=True)
class Address:
    """A place to dial, and the host's name that its certificate must have."""

    target: str
    host: str


_DNS = "dns:///"


def parse_addresses(text: str) -> list[tuple[str, int, bool]]:
    """Host, port and whether every address behind the name is meant, of `HOST:PORT,…` or `dns:///NAME:PORT`."""
    found = []
    for part in text.split(","):
        whole = part.strip()
        every = whole.startswith(_DNS)
        host, colon, port = whole.removeprefix(_DNS).rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        bare = host[1:-1] if bracketed else host
        if not colon or not bare or not port.isdecimal() or not 0 < int(port) < 65536 or (":" in bare and not bracketed):
            raise ValueError(f"teacher address: '{whole}' (expected: HOST:PORT or dns:///NAME:PORT)")
        found.append((bare, int(port), every))
    return found


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_allowed(addresses: list[tuple[str, int, bool]], security: Security) -> None:
    """Refuses plain text to another host unless it is asked for."""
    if security.uses_tls or security.insecure:
        return
    for host, port, _ in addresses:
        if not _is_loopback(host):
            raise ValueError(
                f"teacher address: {host}:{port} is another host, in plain text (expected: tls_ca or tls, or insecure"
                " where the network is trusted)"
            )


def resolve(addresses: list[tuple[str, int, bool]]) -> list[Address]:
    """The places of all addresses, each once; OSError where no name of them is known."""
    found: dict[str, Address] = {}
    failure: OSError | None = None
    for host, port, every in addresses:
        numbers = [host]
        if every:
            try:
                numbers = sorted({info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})  # type: ignore[misc]
            except OSError as e:
                failure = e
                continue
        for number in numbers:
            target = f"[{number}]:{port}" if ":" in number else f"{number}:{port}"
            found.setdefault(target, Address(target, host))
    if not found and failure is not None:
        raise failure
    return list(found.values())
