"""What can go wrong, by what it means for a run; the words are the server's wherever it said something."""

from __future__ import annotations

__all__ = [
    "CaptureError",
    "LyneError",
    "MalformedBlockError",
    "MisalignedTargetsError",
    "SequenceFailedError",
    "TeacherMismatchError",
    "TeacherRefusedError",
    "TeacherUnavailableError",
]


class LyneError(Exception):
    """Anything below."""


class MalformedBlockError(LyneError):
    """Bytes that are no target block."""


class SequenceFailedError(LyneError):
    """One sequence failed for good; the stream goes on.

    Attributes:
        sequence_id: the caller's id of the sequence.
        code: the gRPC code's name, as the server said.
    """

    def __init__(self, sequence_id: int, code: str, description: str):
        super().__init__(f"sequence {sequence_id}: {code}: {description}")
        self.sequence_id = sequence_id
        self.code = code


class MisalignedTargetsError(LyneError):
    """Rows that do not answer their sequence; they are never handed out, and the stream goes on."""

    def __init__(self, sequence_id: int, position: int, found: str, expected: str):
        super().__init__(f"sequence {sequence_id}, position {position}: {found} (expected: {expected})")
        self.sequence_id = sequence_id
        self.position = position


class TeacherMismatchError(LyneError):
    """A server holds another teacher than the one meant; the stream has ended."""


class TeacherRefusedError(LyneError):
    """A server refuses the call as such: no such teacher, a selection it does not serve, a wrong token; the stream has ended."""


class TeacherUnavailableError(LyneError):
    """No server made progress for as long as the client waits; the stream has ended."""


class CaptureError(LyneError):
    """A capture that is damaged, incomplete, or of something else than what was asked for."""
