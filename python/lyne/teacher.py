"""A teacher as training code sees it: one object that says where it is and what is asked of it; each process opens it when it uses it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lyne.batches import BatchPlan, BatchRows, plan_batch
from lyne.captures import Capture, CaptureStream, is_capture
from lyne.client import (
    ClientOptions,
    Expectation,
    StreamStatistics,
    Targets,
    TargetSequence,
    TargetStream,
    TeacherClient,
    TeacherDescription,
)
from lyne.client.options import parse_addresses, require_allowed
from lyne.errors import LyneError, MisalignedTargetsError, SequenceFailedError
from lyne.wire.selection import Draws, Precision, Selection

__all__ = ["AttachedLoader", "CoverageError", "Teacher"]

Batch = dict[str, Any]

#: Batches fetched ahead, whatever the window allows.
_MOST_BATCHES_AHEAD = 32


#: What the process does that describes a teacher apart: a description, or why there is none, goes to its stdout.
_DESCRIBE = """
import pickle, sys
sys.path[:], pickled = pickle.load(sys.stdin.buffer)
try:
    with pickle.loads(pickled) as teacher:
        found = teacher.describe()
except Exception as e:
    found = e
pickle.dump(found, sys.stdout.buffer)
"""


class CoverageError(LyneError):
    """A batch that lacks more rows than is allowed; the message has what each missing sequence failed with."""


class Teacher:
    """A teacher at `HOST:PORT`, at several replicas apart by commas, behind `dns:///NAME:PORT`, or in a capture's directory.

    Nothing is opened before it is first used, and then in each process for itself: it can be pickled, and be used in DataLoader workers,
    forked or spawned. Where workers are forked, use it in the parent only once they are there (gRPC does not survive a fork).

    Args:
        source: addresses, or a directory.
        selection: which entries of a row are kept; for a capture None means those captured.
        precision: `exact`, `half` or `compact`.
        raw_logits: whether rows carry raw logits, which the loss "mse_logits" needs; not in compact precision.
        temperature: the teacher's temperature that the added columns are at.
        expectation: digests that it must have.
        options: window, timeouts, security.
        min_coverage: least share of a batch's wanted rows; below it `CoverageError` is raised. Where rows may be missing, their
            positions take the cross-entropy on the labels alone.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        selection: Selection | None = None,
        *,
        precision: Precision | str | None = None,
        raw_logits: bool = False,
        temperature: float = 1.0,
        expectation: Expectation | None = None,
        options: ClientOptions | None = None,
        min_coverage: float = 1.0,
    ):
        self.source = os.fspath(source)
        self._captured = is_capture(source)
        if not self._captured:
            if os.path.isdir(source):
                raise ValueError(f"teacher: {source} is a directory without a capture (expected: manifest.json in it, or HOST:PORT)")
            require_allowed(parse_addresses(self.source), (options or ClientOptions()).security)
            if selection is None:
                raise ValueError("selection: none (expected: one, as lyne.TopK(64))")
        if not 0 <= min_coverage <= 1:
            raise ValueError(f"min_coverage: {min_coverage} (expected: 0..1)")
        if not temperature > 0:
            raise ValueError(f"temperature: {temperature} (expected: above 0)")
        self._precision = None if precision is None else Precision.of(precision)
        if not self._captured and self._precision is None:
            self._precision = Precision.HALF if raw_logits else Precision.COMPACT
        # Temperatures are single precision on the wire, so that is what this one is.
        self._raw_logits, self._temperature = raw_logits, float(np.float32(temperature))
        if selection is not None and temperature != 1 and self._temperature not in selection.temperatures:
            selection = selection.with_temperatures((*selection.temperatures, self._temperature))
        if isinstance(selection, Draws) and temperature != 1:
            raise ValueError(f"temperature: {temperature} with draws (expected: 1, the temperature that they are drawn at)")
        self._selection = selection
        self._expectation = expectation or Expectation()
        self._options = options or ClientOptions()
        self._min_coverage = min_coverage
        self._forget()

    # --- what it opens, in each process for itself ----------------------------------------------------------------------------

    def _forget(self) -> None:
        self._pid = -1
        self._opened: TeacherClient | Capture | None = None
        self._stream: TargetStream | CaptureStream | None = None
        self._leased = False

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        state.update(_pid=-1, _opened=None, _stream=None, _leased=False)
        state["_options"] = replace(self._options, on_progress=None)
        return state

    def _source(self) -> TeacherClient | Capture:
        if self._pid != os.getpid():
            self._forget()  # what a parent opened is not this process's to close
            self._pid = os.getpid()
        if self._opened is None:
            self._opened = Capture(self.source) if self._captured else TeacherClient(self.source, self._options)
        return self._opened

    def stream(self) -> TargetStream | CaptureStream:
        """The stream of this process, opened when first asked for."""
        self._source()
        if self._stream is None:
            self._stream = self._open()
        return self._stream

    def _open(self) -> TargetStream | CaptureStream:
        source = self._source()
        if isinstance(source, Capture):
            captured = source.selection.temperatures
            if self._temperature != 1 and self._temperature not in captured:
                raise ValueError(f"temperature: {self._temperature} (expected: 1, or of those captured: {list(captured)})")
            return source.open(self._selection, self._precision, self._raw_logits or None, self._expectation)
        assert self._selection is not None and self._precision is not None
        return source.open(self._selection, self._precision, self._raw_logits, self._expectation)

    def describe(self) -> TeacherDescription:
        """The teacher's identity, vocabulary and limits."""
        source = self._source()
        return source.teacher if isinstance(source, Capture) else source.describe()

    def describe_apart(self) -> TeacherDescription:
        """The same, asked for by a process of its own where this one has opened nothing yet: for one that forks workers later on."""
        if self._captured or (self._pid == os.getpid() and self._opened is not None):
            return self.describe()
        command = [sys.executable, "-c", _DESCRIBE]
        done = subprocess.run(command, input=pickle.dumps((sys.path, pickle.dumps(self))), stdout=subprocess.PIPE)
        if done.returncode != 0:
            raise LyneError(f"teacher {self.source}: the process that was to describe it ended with {done.returncode}")
        found = pickle.loads(done.stdout)
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, TeacherDescription)
        return found

    def identity(self) -> dict[str, Any]:
        """What a run's rows are by: it must be the same where the run is gone on with. Opens the stream of this process."""
        teacher = self.stream().teacher
        source = self._source()
        precision = source.precision if isinstance(source, Capture) else self._precision
        assert precision is not None
        return {
            "model_sha256": teacher.model_sha256,
            "tokenizer_sha256": teacher.tokenizer_sha256,
            "selection": str(self.selection),
            "precision": precision.name.lower(),
            "temperature": self._temperature,
        }

    @property
    def selection(self) -> Selection:
        """Which entries of a row are kept."""
        if self._selection is not None:
            return self._selection
        source = self._source()
        assert isinstance(source, Capture)
        return source.selection

    @property
    def temperature(self) -> float:
        """The temperature that the added columns are at."""
        return self._temperature

    def statistics(self) -> StreamStatistics:
        """Counts of this process's stream."""
        return self.stream().statistics()

    def close(self) -> None:
        """Ends what this process opened."""
        if self._pid == os.getpid():
            if self._stream is not None:
                self._stream.close()
            if isinstance(self._opened, TeacherClient):
                self._opened.close()
        self._forget()

    def __enter__(self) -> Teacher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def answers(self, sequences: Sequence[TargetSequence]) -> Iterator[Targets]:
        """The rows of each sequence, in their order, asked for as far ahead as the window goes.

        Raises:
            ValueError: for what the teacher cannot answer.
            LyneError: where a sequence has no rows. Whatever ends the loop, what is under way is then forgotten.
        """
        with self._lease() as stream:
            following = iter(sequences)
            waiting = next(following, None)
            for sequence in sequences:
                while waiting is not None and stream.offer(waiting):
                    waiting = next(following, None)
                yield _take(stream, sequence)

    # --- batches ----------------------------------------------------------------------------------------------------------------

    def attach(self, loader: Iterable[Any]) -> AttachedLoader:
        """A loader whose batches have the teacher's rows, asked for ahead of need.

        Each batch of `loader` is a mapping as `lyne.batches.plan_batch` takes it; the columns `lyne.batches.COLUMNS` are added.
        """
        return AttachedLoader(self, loader)

    def collator(self, collate: Callable[[list[Any]], Batch]) -> Callable[[list[Any]], Batch]:
        """A collator that adds the rows where the batch is made: in DataLoader workers, each with a stream of its own.

        Its `labels` are those that have a target, unshifted, and no other: so many are a step's denominator under a Hugging Face `Trainer`,
        which counts them. A document's first token is predicted by nothing, so it is none of them.
        """
        return _Collator(self, collate)

    def add_targets(self, batch: Mapping[str, Any]) -> Batch:
        """A batch with its columns; waits for the rows."""
        (found,) = self._follow(iter([batch]))
        return found

    def _follow(self, batches: Iterator[Mapping[str, Any]], fetched: Callable[[], Any] = lambda: None) -> Iterator[Batch]:
        """Batches with their columns, in order; sequences are offered ahead as far as the window goes.

        Args:
            fetched: called after each batch was fetched; what it gives is put beside the batch under `_Followed.mark`.
        """
        with self._lease() as stream:
            yield from self._follow_on(stream, batches, fetched)

    @contextmanager
    def _lease(self) -> Iterator[TargetStream | CaptureStream]:
        """A stream for one loop over batches: this process's, or one more where another loop is using that. What is left in it when the
        loop is left is forgotten, so that the next loop never takes it for its own."""
        if self._leased:
            with self._open() as own:
                yield own
            return
        stream = self.stream()
        self._leased = True
        try:
            yield stream
        finally:
            self._leased = False
            stream.discard()

    def _follow_on(
        self, stream: TargetStream | CaptureStream, batches: Iterator[Mapping[str, Any]], fetched: Callable[[], Any]
    ) -> Iterator[Batch]:
        vocabulary = stream.teacher.vocabulary_size
        pending: deque[_Followed] = deque()
        exhausted, next_id = False, 0
        while True:
            while not exhausted and len(pending) < _MOST_BATCHES_AHEAD and (not pending or pending[-1].offer(stream)):
                try:
                    batch = next(batches)
                except StopIteration:
                    exhausted = True
                    break
                plan = plan_batch(batch, next_id)
                next_id += len(plan.segments)
                rows = BatchRows(plan, self.selection, vocabulary, self._temperature)
                # By row, so that whatever moves, cuts or spreads batches takes it along.
                beside: dict[str, Any] = {"teacher_vocabulary_size": torch.full((plan.shape[0],), vocabulary)}
                if stream.teacher.tail_error > 0:
                    beside["teacher_tail_error"] = stream.teacher.tail_error
                pending.append(_Followed({**batch, **beside}, plan, rows, fetched()))
            if not pending:
                return
            first = pending[0]
            if not first.offer(stream) and first.taken < first.offered:
                first.take(stream)
                continue
            while first.taken < first.offered:
                first.take(stream)
            if not first.complete:
                continue
            pending.popleft()
            first.require_coverage(self._min_coverage)
            yield first.batch_with_columns()


def _take(stream: TargetStream | CaptureStream, sequence: TargetSequence) -> Targets:
    """The next answer, which is this sequence's."""
    targets = stream.take()
    if targets.sequence is not sequence:
        raise LyneError(f"sequence {targets.sequence.id} (expected: {sequence.id}; two loops took from one stream)")
    return targets


class _Followed:
    """A batch on its way: what was offered of it, and what has come."""

    def __init__(self, batch: Mapping[str, Any], plan: BatchPlan, rows: BatchRows, mark: Any):
        self._batch, self._plan, self._rows, self.mark = batch, plan, rows, mark
        self.offered = self.taken = 0
        self._failures: list[LyneError] = []

    @property
    def complete(self) -> bool:
        return self.taken == len(self._plan.segments)

    def offer(self, stream: TargetStream | CaptureStream) -> bool:
        """Offers what there is room for; whether all was offered."""
        segments = self._plan.segments
        while self.offered < len(segments) and stream.offer(segments[self.offered].sequence):
            self.offered += 1
        return self.offered == len(segments)

    def take(self, stream: TargetStream | CaptureStream) -> None:
        """Takes the next sequence, or its failure."""
        segment = self._plan.segments[self.taken]
        try:
            self._rows.add(segment, _take(stream, segment.sequence))
        except (SequenceFailedError, MisalignedTargetsError) as e:
            self._failures.append(e)
        self.taken += 1

    def require_coverage(self, least: float) -> None:
        wanted = self._plan.positions
        if wanted and self._rows.positions / wanted < least:
            raise CoverageError(
                f"{self._rows.positions} of a batch's {wanted} rows (expected: at least {least} of them): "
                + "; ".join(str(failure) for failure in self._failures)
            ) from self._failures[0]

    def batch_with_columns(self) -> Batch:
        return _Marked({**self._batch, **self._rows.columns()}, self.mark)


class _Marked(dict):
    """A batch that knows where its loader was after it."""

    def __init__(self, values: Batch, mark: Any):
        super().__init__(values)
        self.mark = mark


class _Collator:
    def __init__(self, teacher: Teacher, collate: Callable[[list[Any]], Batch]):
        self._teacher, self._collate = teacher, collate

    def __call__(self, examples: list[Any]) -> Batch:
        batch = dict(self._teacher.add_targets(self._collate(examples)))
        batch["labels"] = batch["target_labels"].roll(1, 1)  # of a row's last position there is no target
        batch.pop("shift_labels", None)  # which a Trainer would count in their place
        return batch


def _saver(loader: Iterable[Any]) -> Callable[[], Any]:
    """What gives the loader's own state; None where it has none. A loader that accelerate prepared has the method in any case, and a state
    behind it where it was asked for."""
    has_state = hasattr(loader, "state_dict") and getattr(loader, "use_stateful_dataloader", True)
    return loader.state_dict if has_state else lambda: None  # type: ignore[attr-defined]


class AttachedLoader:
    """A loader's batches with a teacher's rows, in the loader's order, fetched ahead of need.

    `state_dict` says how far what was *handed out* goes, whatever was fetched ahead: by the loader's own state where it has one, else by
    the number of batches, which are then skipped, so that the loader must give the same batches again. It is of one teacher and one kind
    of rows: iteration with another raises `ValueError` with both.
    """

    def __init__(self, teacher: Teacher, loader: Iterable[Any]):
        self.teacher, self.loader = teacher, loader
        self._epoch = 0
        self._handed_out = 0
        self._inner: Any = None
        self._resume: dict[str, Any] | None = None
        self._identity: dict[str, Any] | None = None

    def __len__(self) -> int:
        return len(self.loader)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Batch]:
        resume, self._resume = self._resume, None
        skip = 0
        if resume is None:
            self._handed_out = 0
        elif resume["loader"] is not None:
            self.loader.load_state_dict(resume["loader"])  # type: ignore[attr-defined]
        else:
            skip = self._handed_out
        if hasattr(self.loader, "set_epoch"):
            self.loader.set_epoch(self._epoch)
        # Workers are forked here, before the stream is opened for the first time.
        batches = iter(self.loader)
        for skipped in range(skip):
            if next(batches, None) is None:
                raise ValueError(f"batches: {skipped} (expected: at least the {skip} that were handed out)")
        self._identity = self.teacher.identity()
        if resume is not None and resume["teacher"] not in (None, self._identity):
            self._resume = resume
            raise ValueError(f"state: of rows by {resume['teacher']} (expected: {self._identity})")
        for batch in self.teacher._follow(batches, _saver(self.loader)):
            self._handed_out += 1
            self._inner = batch.mark  # type: ignore[attr-defined]
            yield dict(batch)
        self._epoch += 1
        self._handed_out = 0
        self._inner = None

    def state_dict(self) -> dict[str, Any]:
        """Where training is, for exact resume."""
        return {"epoch": self._epoch, "batches": self._handed_out, "loader": self._inner, "teacher": self._identity}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from there with the next iteration."""
        if set(state) != {"epoch", "batches", "loader", "teacher"}:
            raise ValueError(f"state: {sorted(state)} (expected: epoch, batches, loader, teacher)")
        self._epoch, self._handed_out = int(state["epoch"]), int(state["batches"])
        self._inner, self._identity = state["loader"], state["teacher"]
        self._resume = dict(state)


def to_device(batch: Mapping[str, Any], device: Any, non_blocking: bool = False) -> Batch:
    """A batch whose tensors are on a device."""
    return {name: value.to(device, non_blocking=non_blocking) if isinstance(value, Tensor) else value for name, value in batch.items()}
