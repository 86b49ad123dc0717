"""A stream's state: sequences offered and not taken, and of each replica the call to it. Guarded by the stream's lock."""

from __future__ import annotations

import queue
from dataclasses import dataclass, field
from typing import Any

import grpc

from lyne.client.failure import Failure, Standing
from lyne.client.options import Address
from lyne.client.targets import BlockIdentity, RowAssembly, Targets, TargetSequence
from lyne.errors import LyneError

__all__ = ["Attempt", "Call", "Entry", "ReplicaConnection"]


@dataclass(eq=False)
class Entry:
    """A sequence offered and not taken."""

    sequence: TargetSequence
    order: int
    failures: int = 0
    faults: int = 0
    first_failure: float = 0.0
    last_failed_on: ReplicaConnection | None = None
    targets: Targets | None = None
    failure: LyneError | None = None
    #: Whether a second replica was asked for it, which happens once.
    hedged: bool = False
    #: Its span, until it is resolved; None where it is not traced.
    span: Any = None

    @property
    def tokens(self) -> int:
        return len(self.sequence.tokens)

    @property
    def resolved(self) -> bool:
        return self.targets is not None or self.failure is not None

    def __lt__(self, other: Entry) -> bool:
        return self.order < other.order


@dataclass(eq=False)
class Attempt:
    """A sequence sent to a replica and not answered yet."""

    wire_id: int
    entry: Entry
    sent_at: float = 0.0
    withdrawn: bool = False
    assembly: RowAssembly | None = None
    #: The other attempt at the same sequence, at another replica, while neither is answered.
    twin: Attempt | None = None
    #: Whether it is the second of the two.
    is_hedge: bool = False
    span: Any = None

    @property
    def block_bytes(self) -> int:
        """Bytes of the blocks that came so far."""
        return 0 if self.assembly is None else self.assembly.block_bytes


@dataclass(eq=False)
class Call:
    """One ScoreSequences call."""

    open_deadline: float
    target: str
    outgoing: queue.SimpleQueue = field(default_factory=queue.SimpleQueue)
    rpc: grpc.Call | None = None
    opened: bool = False
    ended: bool = False
    identity: BlockIdentity | None = None
    credit_sequences: int = 0
    credit_tokens: int = 0
    in_flight: dict[int, Attempt] = field(default_factory=dict)
    tokens: int = 0
    #: When it last showed that it works: rows, answers, or a device that moved.
    alive: float = 0.0
    #: When it last said anything.
    heard: float = 0.0
    device_positions: int = -1

    def has_room_for(self, tokens: int) -> bool:
        """Whether the credit has room; one sequence alone always fits, but where the server drains."""
        if not self.opened or self.ended or self.credit_sequences == 0:
            return False
        fits = len(self.in_flight) < self.credit_sequences and self.tokens + tokens <= self.credit_tokens
        return not self.in_flight or fits


@dataclass(eq=False)
class ReplicaConnection:
    """A replica, and the call to it where there is one."""

    address: Address
    connect_at: float
    resume_at: float = 0.0
    call: Call | None = None
    attempts: int = 0
    consecutive_failures: int = 0
    last_failure: Failure | None = None
    standing: Standing = field(default_factory=Standing)
    gone: bool = False

    def is_usable(self, now: float) -> bool:
        """Whether sequences can be given to it: one at a time where it is in doubt."""
        if self.call is None or not self.call.opened or now < self.resume_at:
            return False
        return not (self.standing.in_doubt and self.call.in_flight)

    def history(self) -> str:
        """One clause for an error message: the replica and what came of it."""
        if self.call is not None and self.call.opened:
            state = f"connected, {len(self.call.in_flight)} sequences in flight"
        else:
            state = f"{self.attempts} attempt{'s' if self.attempts != 1 else ''}"
        failure = self.last_failure
        what = state
        if failure is not None:
            words = f"{failure.code}: {failure.description}" if self.standing.refuses else failure.description
            what = f"{words} ({state})"
        return f"teacher {self.address.target}: {what}"
