"""What a teacher said of a corpus, on disk (docs/capture-format.md), with the interface of a stream.

Rows are those that were captured, byte for byte. The manifest, the index and each shard's header and length are checked when a capture is
opened; an entry's checksum, its blocks and every row when it is read.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from lyne.client.description import TeacherDescription
from lyne.client.options import Expectation
from lyne.client.statistics import StreamStatistics
from lyne.client.targets import BlockIdentity, Targets, TargetSequence, checked_block
from lyne.errors import CaptureError, LyneError, MalformedBlockError, MisalignedTargetsError, SequenceFailedError
from lyne.manifest import FORMAT, captured_selection, captured_teacher, is_capture, read_manifest
from lyne.wire.block import Block
from lyne.wire.digests import crc32c, rows_digest, sequence_key
from lyne.wire.header import checked, read_header
from lyne.wire.selection import Precision, Selection

__all__ = ["Capture", "CaptureStream", "is_capture"]

_INDEX = "sequences.index"
_HEADER = struct.Struct("<4sI32sQ")
_HEADER_BYTES = _HEADER.size + 4
_RECORD = struct.Struct("<32sQIIIIII")
_TRAILER = struct.Struct("<QIIQQ4sI")


@dataclass(frozen=True)
class _Record:
    """Where a sequence's entry is, and what it may hold."""

    key: bytes
    offset: int
    shard: int
    length: int
    rows: int
    first: int
    last: int
    tokens: int


class Capture:
    """A complete capture of a corpus, opened for reading. No file is kept open but the index, which is mapped.

    Raises:
        CaptureError: where it is damaged, not complete, or of another kind; with the file, what is there and what should be.
    """

    def __init__(self, directory: str | os.PathLike[str]):
        self.directory = Path(directory)
        try:
            self.manifest: dict[str, Any]
            self.manifest, self._identity = read_manifest(self.directory)
            self.teacher = captured_teacher(self.manifest["teacher"])
            rows = self.manifest["rows"]
            self.selection = captured_selection(rows["selection"])
            self.precision = Precision.of(rows["precision"])
            self.raw_logits: bool = rows["raw_logits"]
            self._shards = [self.directory / f"shard-{i:06d}.blocks" for i in range(len(self.manifest["shards"]))]
            self._open_index()
            self._ends = [self._require_shard(number, shard) for number, shard in enumerate(self._shards)]
        except OSError as e:
            raise CaptureError(f"{e.filename}: {e.strerror}") from e
        except (KeyError, TypeError, ValueError) as e:
            raise CaptureError(f"{self.directory / 'manifest.json'}: {e!r} (expected: a capture's manifest)") from e

    def open(
        self,
        selection: Selection | None = None,
        precision: Precision | str | None = None,
        raw_logits: bool | None = None,
        expectation: Expectation | None = None,
    ) -> CaptureStream:
        """Opens a stream of its targets; what is left out is as it was captured.

        Raises:
            CaptureError: for another selection than the captured one with some of its temperatures, another precision, or logits that
                were not captured.
            TeacherMismatchError: where another teacher was captured than expected.
        """
        self.teacher.require_expected(str(self.directory), expectation or Expectation())
        wanted = self.selection if selection is None else selection
        same_entries = wanted.with_temperatures(()) == self.selection.with_temperatures(())
        if not same_entries or not set(wanted.temperatures) <= set(self.selection.temperatures):
            raise CaptureError(f"{self.directory}: selection {wanted} (expected: {self.selection}, as it was captured)")
        if precision is not None and Precision.of(precision) != self.precision:
            found = Precision.of(precision).name.lower()
            raise CaptureError(f"{self.directory}: precision {found} (expected: {self.precision.name.lower()}, as it was captured)")
        if raw_logits is not None and raw_logits != self.raw_logits:
            raise CaptureError(f"{self.directory}: raw logits {raw_logits} (expected: {self.raw_logits}, as it was captured)")
        return CaptureStream(self, wanted)

    def entries(self) -> Iterator[tuple[bytes, list[bytes]]]:
        """Every sequence's key and blocks, shard after shard."""
        records = sorted(self._records(0, self._count), key=lambda record: (record.shard, record.offset))
        for record in records:
            yield record.key, self.blocks(record)

    def find(self, sequence: TargetSequence) -> list[bytes] | None:
        """The blocks of the first entry that holds all positions of a sequence; None where there is none."""
        first, last = int(sequence.positions[0]), int(sequence.positions[-1])
        for record in self._of(sequence):
            if record.first <= first and last <= record.last:
                blocks = self.blocks(record)
                if np.isin(sequence.positions, self._positions(record, blocks, sequence)).all():
                    return blocks
        return None

    def find_any(self, sequence: TargetSequence) -> list[bytes] | None:
        """The blocks of the entry that holds most rows of a sequence, whatever its positions; None where there is none."""
        record = max(self._of(sequence), key=lambda record: record.rows, default=None)
        if record is None:
            return None
        blocks = self.blocks(record)
        self._positions(record, blocks, sequence)
        return blocks

    def _positions(self, record: _Record, blocks: list[bytes], sequence: TargetSequence) -> np.ndarray:
        """The positions that an entry's blocks have rows of, which are found to be of the sequence of its key."""
        where = f"{self._shards[record.shard]}, offset {record.offset}"
        try:
            headers = [read_header(checked(block)) for block in blocks]
        except MalformedBlockError as e:
            raise CaptureError(f"{where}: a block: {e}") from None
        if any(header.rows_digest != rows_digest(sequence.tokens, header.positions) for header in headers):
            raise CaptureError(f"{where}: a block of other tokens (expected: the sequence of its key)")
        positions = np.concatenate([header.positions for header in headers])
        if len(positions) != record.rows:
            raise CaptureError(f"{where}: {len(positions)} rows (expected: {record.rows} as in the index)")
        return positions

    def _of(self, sequence: TargetSequence) -> Iterator[_Record]:
        key = sequence_key(sequence.tokens)
        at = self._first_of(key)
        while at < self._count and (record := self._record(at)).key == key:
            yield record
            at += 1

    def blocks(self, record: _Record) -> list[bytes]:
        """The blocks of an entry, whose checksum is checked."""
        if record.shard >= len(self._shards):
            raise CaptureError(f"{self.directory / _INDEX}: shard {record.shard} (expected: 0..{len(self._shards) - 1})")
        path, end = self._shards[record.shard], self._ends[record.shard]
        where = f"{path}, offset {record.offset}"
        if record.offset < _HEADER_BYTES or record.offset + record.length > end or record.length < 8:
            raise CaptureError(f"{where}: an entry of {record.length} bytes in the index (expected: one that ends by {end})")
        with open(path, "rb") as file:
            file.seek(record.offset)
            entry = file.read(record.length)
        if len(entry) != record.length:
            raise CaptureError(f"{where}: {len(entry)} bytes (expected: {record.length})")
        stated = int.from_bytes(entry[-4:], "little")
        if crc32c(entry[:-4]) != stated:
            raise CaptureError(f"{where}: CRC32C {crc32c(entry[:-4]):08x} of the entry (expected: {stated:08x} as stated)")
        count = int.from_bytes(entry[:4], "little")
        if not 1 <= count <= (record.length - 8) // 4:
            raise CaptureError(f"{where}: an entry of {count} blocks (expected: 1 or more)")
        lengths = np.frombuffer(entry, dtype="<u4", count=count, offset=4).tolist()
        starts = np.cumsum([4 + 4 * count, *lengths]).tolist()
        if starts[-1] != record.length - 4:
            raise CaptureError(f"{where}: blocks of {sum(lengths)} bytes (expected: {record.length - 8 - 4 * count})")
        return [entry[start:end] for start, end in pairwise(starts)]

    def identity(self) -> BlockIdentity:
        """What all its blocks have in common."""
        return BlockIdentity(
            self.selection,
            self.precision,
            self.raw_logits,
            self.teacher.vocabulary_size,
            bytes.fromhex(self.teacher.model_sha256),
            self.teacher.fingerprint_digest if self.teacher.deterministic else b"",
            self.teacher.tail_error,
        )

    def _open_index(self) -> None:
        path = self.directory / _INDEX
        with open(path, "rb") as file:
            self._index = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._count = self._read_header(path, self._index[:_HEADER_BYTES], b"LYNI")
        expected = _HEADER_BYTES + self._count * _RECORD.size + 4
        if len(self._index) != expected or self._count != self.manifest["sequences"]:
            raise CaptureError(f"{path}: {len(self._index)} bytes for {self._count} sequences (expected: {expected})")
        stated = int.from_bytes(self._index[-4:], "little")
        if crc32c(memoryview(self._index)[_HEADER_BYTES:-4]) != stated:
            raise CaptureError(f"{path}: another checksum of its records (expected: {stated:08x} as stated)")

    def _read_header(self, path: Path, header: bytes, magic: bytes) -> int:
        """The number that a file's header has, which is found to belong to this capture."""
        if len(header) != _HEADER_BYTES:
            raise CaptureError(f"{path}: {len(header)} bytes (expected: at least {_HEADER_BYTES})")
        found, version, identity, number = _HEADER.unpack_from(header)
        if found != magic or version != FORMAT:
            raise CaptureError(f"{path}: starts with {found!r}, version {version} (expected: {magic!r}, version {FORMAT})")
        stated = int.from_bytes(header[-4:], "little")
        if crc32c(header[:-4]) != stated:
            raise CaptureError(f"{path}: another checksum of its header (expected: {stated:08x} as stated)")
        if identity != self._identity:
            raise CaptureError(f"{path}: belongs to capture {identity.hex()} (expected: {self._identity.hex()}, this manifest's)")
        return number

    def _require_shard(self, number: int, path: Path) -> int:
        """Checks what a shard says of itself against the manifest; gives where its entries end."""
        size, stated = path.stat().st_size, self.manifest["shards"][number]
        if size != stated["bytes"] or size < _HEADER_BYTES + _TRAILER.size:
            raise CaptureError(f"{path}: {size} bytes (expected: {stated['bytes']})")
        with open(path, "rb") as file:
            found = self._read_header(path, file.read(_HEADER_BYTES), b"LYNS")
            file.seek(-_TRAILER.size, os.SEEK_END)
            trailer = file.read()
        if found != number:
            raise CaptureError(f"{path}: shard {found} (expected: {number})")
        end, sequences, _, positions, block_bytes, magic, checksum = _TRAILER.unpack(trailer)
        if crc32c(trailer[:-4]) != checksum:
            raise CaptureError(f"{path}: another checksum of its trailer (expected: that stated)")
        if magic != b"LYNE" or end != size - _TRAILER.size - sequences * _RECORD.size:
            raise CaptureError(f"{path}: a trailer of {sequences} records at {end} (expected: records that end where it begins)")
        for key, value in (("sequences", sequences), ("positions", positions), ("block_bytes", block_bytes)):
            if value != stated[key]:
                raise CaptureError(f"{path}: {key}: {value} (expected: {stated[key]}, as in the manifest)")
        return end

    def _record(self, at: int) -> _Record:
        return _Record(*_RECORD.unpack_from(self._index, _HEADER_BYTES + at * _RECORD.size))

    def _records(self, start: int, end: int) -> Iterator[_Record]:
        return (self._record(at) for at in range(start, end))

    def _first_of(self, key: bytes) -> int:
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            at = _HEADER_BYTES + middle * _RECORD.size
            if self._index[at : at + 32] < key:
                low = middle + 1
            else:
                high = middle
        return low


class CaptureStream:
    """Rows of the sequences that are offered, from a capture, with the interface of `TargetStream`; nothing is ever waited for."""

    _MOST_PENDING = 256

    def __init__(self, capture: Capture, selection: Selection):
        self._capture, self._selection = capture, selection
        self._identity = capture.identity()
        self._taus = [capture.selection.temperatures.index(tau) for tau in selection.temperatures]
        self._pending: deque[TargetSequence] = deque()
        self._counts = StreamStatistics()

    @property
    def teacher(self) -> TeacherDescription:
        """The teacher that was captured."""
        return self._capture.teacher

    def offer(self, sequence: TargetSequence) -> bool:
        """Puts a sequence among those to take; False where there are many already."""
        sequence.require_fits(self.teacher.vocabulary_size, self.teacher.context_length, self._selection)
        if len(self._pending) >= self._MOST_PENDING:
            return False
        self._counts.asked(sequence)
        self._pending.append(sequence)
        return True

    def ask_again(self, sequence: TargetSequence) -> None:
        """Puts a sequence that was taken as a failure among those to take, first."""
        self._counts.reasked_sequences += 1
        self._pending.appendleft(sequence)

    def take(self) -> Targets:
        """The rows of the earliest sequence that was offered and not taken.

        Raises:
            SequenceFailedError: NOT_FOUND where the capture does not hold it, DATA_LOSS where its entry is damaged.
            MisalignedTargetsError: where its rows do not answer it.
        """
        if not self._pending:
            raise ValueError("take: no sequence is pending (expected: at least 1 offered)")
        sequence = self._pending.popleft()
        start = time.monotonic()
        try:
            targets = self._read(sequence)
        except LyneError:
            self._counts.failed_sequences += 1
            raise
        finally:
            self._counts.stall_seconds += time.monotonic() - start
        self._counts.received(targets)
        return targets

    @property
    def pending(self) -> int:
        """Sequences offered and not taken."""
        return len(self._pending)

    def statistics(self) -> StreamStatistics:
        """The counts."""
        return self._counts

    def discard(self) -> None:
        """Forgets what is pending."""
        self._pending.clear()

    def close(self) -> None:
        """Forgets what is pending."""
        self.discard()

    def __enter__(self) -> CaptureStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, sequence: TargetSequence) -> Targets:
        try:
            blocks = self._capture.find(sequence)
        except CaptureError as e:
            raise SequenceFailedError(sequence.id, "DATA_LOSS", str(e)) from e
        if blocks is None:
            what = f"{self._capture.directory} does not hold it, or not all its positions"
            raise SequenceFailedError(sequence.id, "NOT_FOUND", what)
        parts: list[tuple[Block, np.ndarray]] = []
        found = 0
        for block in blocks:
            decoded = checked_block(block, sequence, None, self._identity)
            rows = np.flatnonzero(np.isin(decoded.header.positions, sequence.positions))
            found += len(rows)
            if len(rows):
                parts.append((decoded, rows))
        if found != len(sequence.positions):
            raise MisalignedTargetsError(
                sequence.id, int(sequence.positions[0]), f"{found} rows in the capture", f"{len(sequence.positions)}"
            )
        targets = Targets.of(sequence, parts, blocks, {"capture": found}, 0)
        return targets.with_temperatures(self._taus)
