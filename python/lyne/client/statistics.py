"""Counts of a stream since it was opened."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from lyne.client.targets import Targets, TargetSequence

__all__ = ["StreamStatistics"]


@dataclass
class StreamStatistics:
    """Counts of a stream; `TargetStream.statistics` gives a copy.

    Attributes:
        asked_sequences, asked_positions: sequences offered, each once.
        received_sequences, received_positions: those whose rows are all here and checked.
        received_by_source: positions from each source, as `computed` or `memory`.
        narrowed_positions: those cut from a stored wider selection.
        reasked_sequences: times that a sequence was asked again after a failure.
        failed_sequences: sequences handed out as a failure.
        block_bytes: bytes of the blocks of received sequences.
        discarded_bytes: bytes of blocks dropped because their sequence did not complete.
        hedged_sequences: those that a second replica was asked for, too, as they were late.
        hedges_won: those of them that it answered first.
        reconnects: streams opened anew after one broke.
        stall_seconds: time that `take` has waited.
    """

    asked_sequences: int = 0
    asked_positions: int = 0
    received_sequences: int = 0
    received_positions: int = 0
    received_by_source: Counter[str] = field(default_factory=Counter)
    narrowed_positions: int = 0
    reasked_sequences: int = 0
    failed_sequences: int = 0
    block_bytes: int = 0
    discarded_bytes: int = 0
    hedged_sequences: int = 0
    hedges_won: int = 0
    reconnects: int = 0
    stall_seconds: float = 0.0

    @property
    def coverage(self) -> float:
        """Received positions over asked ones; 1 before the first is asked."""
        return self.received_positions / self.asked_positions if self.asked_positions else 1.0

    @property
    def bytes_per_position(self) -> float:
        """Mean size of a received row, headers included; 0 before the first."""
        return self.block_bytes / self.received_positions if self.received_positions else 0.0

    def asked(self, sequence: TargetSequence) -> None:
        self.asked_sequences += 1
        self.asked_positions += len(sequence.positions)

    def received(self, targets: Targets) -> None:
        self.received_sequences += 1
        self.received_positions += targets.rows
        self.received_by_source.update(targets.sources)
        self.narrowed_positions += targets.narrowed
        self.block_bytes += sum(map(len, targets.blocks))
