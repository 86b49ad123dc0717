"""What a teacher says of itself."""

from __future__ import annotations

from dataclasses import dataclass

from lyne.client.options import Expectation, Fingerprint
from lyne.errors import TeacherMismatchError
from lyne.v1 import teacher_pb2
from lyne.wire.digests import fingerprint_digest

__all__ = ["TeacherDescription"]


@dataclass(frozen=True)
class TeacherDescription:
    """A teacher: its identity, its vocabulary and what it can be asked for.

    Attributes:
        fingerprint: PyTorch's version, device, CPU capability, threads, compute precision and the version of the arithmetic.
        fingerprint_digest: what blocks carry of it.
        tail_error: absolute error of a row's tail mass; 0 for a teacher that sums all of its logits.
        decodes: whether it draws tokens.
    """

    name: str
    model_sha256: str
    tokenizer_sha256: str
    vocabulary_size: int
    context_length: int
    architecture: str
    parameters: int
    deterministic: bool
    fingerprint: Fingerprint
    fingerprint_digest: bytes
    max_k: int = 0
    max_temperatures: int = 0
    smallest_temperature: float = 0
    largest_temperature: float = 0
    tail_error: float = 0.0
    decodes: bool = False

    @staticmethod
    def of(teacher: teacher_pb2.Teacher) -> TeacherDescription:
        """From the message of the contract."""
        machine = teacher.execution_fingerprint
        return TeacherDescription(
            teacher.name,
            teacher.digests.model_sha256.hex(),
            teacher.digests.tokenizer_sha256.hex(),
            teacher.vocabulary_size,
            teacher.context_length,
            teacher.architecture,
            teacher.parameters,
            teacher.deterministic,
            (
                machine.torch_version,
                machine.device,
                machine.cpu_capability,
                machine.threads,
                machine.compute_precision,
                machine.arithmetic_version,
            ),
            fingerprint_digest(machine),
            teacher.limits.max_k,
            teacher.limits.max_temperatures,
            teacher.limits.smallest_temperature,
            teacher.limits.largest_temperature,
            teacher.tail_error,
            teacher.decodes,
        )

    def require_expected(self, label: str, expected: Expectation) -> None:
        """TeacherMismatchError where it is not the teacher that the student means."""
        self._require(label, "model digest", self.model_sha256, expected.model_sha256)
        self._require(label, "tokenizer digest", self.tokenizer_sha256, expected.tokenizer_sha256)
        self._require(label, "vocabulary size", self.vocabulary_size, expected.vocabulary_size or None)
        self._require(label, "execution fingerprint", self.fingerprint, expected.fingerprint)

    def require_same(self, label: str, known: TeacherDescription) -> None:
        """TeacherMismatchError where it is not the teacher known before: the same numbers, and where bits are promised, on the same
        kind of machine."""
        machine = known.fingerprint if known.deterministic else None
        self.require_expected(label, Expectation(known.model_sha256, known.tokenizer_sha256, known.vocabulary_size, machine))
        if known.deterministic:
            self._require(label, "deterministic", self.deterministic, True)

    @staticmethod
    def _require(label: str, what: str, found: object, expected: object) -> None:
        if expected is not None and found != expected:
            raise TeacherMismatchError(f"teacher {label}: {what}: {found} (expected: {expected})")
