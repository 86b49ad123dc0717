"""Why a call or a sequence failed, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from lyne.errors import LyneError, TeacherMismatchError, TeacherRefusedError

__all__ = ["Failure", "Remedy", "Standing"]

_FINAL_FOR_CALL = {
    "FAILED_PRECONDITION",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
    "UNIMPLEMENTED",
    "OUT_OF_RANGE",
    "ALREADY_EXISTS",
    "DATA_LOSS",
}
_RETRY_SEQUENCE = {"UNAVAILABLE", "RESOURCE_EXHAUSTED", "CANCELLED"}
_RETRY_SEQUENCE_FEW = {"DATA_LOSS", "INTERNAL", "DEADLINE_EXCEEDED", "ABORTED", "UNKNOWN"}
#: Reasons of a server that could not make sense of what it received.
_GARBLED = {"MALFORMED_MESSAGE", "PROTOCOL_VIOLATION"}
_FEW = 3
_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


class Remedy(Enum):
    """What follows from a failure."""

    RETRY = "ask again, until `retry_for` is over"
    RETRY_FEW = "ask again a few times only: the fault may lie in the sequence"
    GIVE_UP = "asking again does not mend it"


@dataclass(frozen=True)
class Failure:
    """A gRPC code, the words that came with it, the delay to retry after that the server asked for, in seconds, and its reason."""

    code: str
    description: str
    retry_after: float = 0.0
    reason: str = ""

    @staticmethod
    def of_call(error: grpc.RpcError) -> Failure:
        """Why a call ended."""
        code = error.code().name if isinstance(error, grpc.Call) else "UNKNOWN"
        description = (error.details() if isinstance(error, grpc.Call) else str(error)) or "no description"
        status = status_pb2.Status()
        for key, value in (error.trailing_metadata() or ()) if isinstance(error, grpc.Call) else ():
            if key == "grpc-status-details-bin":
                try:
                    status.ParseFromString(value)
                except DecodeError:  # turned over on the way: the call ended all the same
                    status = status_pb2.Status()
        return Failure(code, _explain(description), _retry_after(status), _reason(status))

    @staticmethod
    def of_sequence(status: status_pb2.Status) -> Failure:
        """Why a sequence failed alone."""
        return Failure(_NAMES.get(status.code, "UNKNOWN"), status.message, _retry_after(status), _reason(status))

    @property
    def is_mismatch(self) -> bool:
        """Whether the server holds another teacher than the one that is expected."""
        return self.code == "FAILED_PRECONDITION"

    @property
    def is_opening_mismatch(self) -> bool:
        """Whether what the student named as it opened does not fit; that may have been changed on the way, unlike what the server found
        later."""
        return self.is_mismatch and self.reason == "TEACHER_MISMATCH"

    @property
    def is_garbled(self) -> bool:
        """Whether the server could not make sense of what it received, which may have been changed on the way."""
        return self.reason in _GARBLED

    def remedy_of_call(self) -> Remedy:
        """What follows from the end of a call."""
        return Remedy.GIVE_UP if self.code in _FINAL_FOR_CALL else Remedy.RETRY

    def remedy_of_sequence(self) -> Remedy:
        if self.code in _RETRY_SEQUENCE:
            return Remedy.RETRY
        return Remedy.RETRY_FEW if self.code in _RETRY_SEQUENCE_FEW else Remedy.GIVE_UP

    def as_final(self, label: str) -> LyneError:
        """The end of a stream that this failure of a call means; a precondition is always that of the expected teacher."""
        kind = TeacherMismatchError if self.is_mismatch else TeacherRefusedError
        return kind(f"teacher {label}: {self.code}: {self.description}")


class Standing:
    """What a replica's answers say of it: whether it takes what it is opened for, and whether what it is asked for fails there.

    It refuses where it says so for a reason that asking again does not mend. One that has accepted before, or that could not read what it
    was sent, is asked a few times first: a bit may have been turned over on the way, and a token that was taken out may have been
    replaced. That it is another teacher is believed once it was heard a few times in a row, for the same reason. It is in doubt from a
    fault, such as a model that threw, until it answers a sequence. Guarded by its owner.
    """

    def __init__(self) -> None:
        self.has_accepted = False
        self.refuses = False
        self._refusals = 0
        self._mismatches = 0
        self._faults = 0

    def accepted(self) -> None:
        """It has accepted."""
        self.has_accepted, self.refuses = True, False
        self._mismatches = 0

    def mismatched(self) -> bool:
        """It is another teacher than the one meant, or so it was heard; gives whether it was heard so often that it is."""
        self._mismatches += 1
        return self._mismatches >= _FEW

    def refused(self, cause: Failure) -> bool:
        """It gave a reason that asking again does not mend; gives whether it refuses from now on, and did not before."""
        before = self.refuses
        self._refusals += 1
        self.refuses = before or self._refusals >= (_FEW if self.has_accepted or cause.is_garbled else 1)
        return self.refuses and not before

    def unheard(self) -> None:
        """It could not be asked, or had another reason: it may accept."""
        self.refuses = False

    def answered(self) -> None:
        """It has answered a sequence."""
        self._refusals = self._faults = 0

    def faulted(self) -> None:
        """What it was asked for failed there."""
        self._faults += 1

    @property
    def in_doubt(self) -> bool:
        return self._faults > 0

    @property
    def is_out(self) -> bool:
        """Whether it has been in doubt for so long that others are asked for all."""
        return self._faults >= _FEW

    @property
    def is_expected(self) -> bool:
        """Whether it can be waited for: it was there before, and nothing speaks against it."""
        return self.has_accepted and not self.refuses and not self.in_doubt


def _explain(description: str) -> str:
    if "Connection refused" in description:
        return "connection refused (is ./lyne serve running there?)"
    if "CERTIFICATE_VERIFY_FAILED" in description:
        return "TLS: the server's certificate is not to be believed"
    if "WRONG_VERSION_NUMBER" in description:
        return "TLS: the server speaks plain text there"
    return description


def _retry_after(status: status_pb2.Status) -> float:
    info = error_details_pb2.RetryInfo()
    return max(0.0, info.retry_delay.ToTimedelta().total_seconds()) if _unpacked(status, info) else 0.0


def _reason(status: status_pb2.Status) -> str:
    info = error_details_pb2.ErrorInfo()
    return info.reason if _unpacked(status, info) else ""


def _unpacked(status: status_pb2.Status, into: Message) -> bool:
    for detail in status.details:
        if detail.Is(into.DESCRIPTOR):
            try:
                return detail.Unpack(into)
            except DecodeError:  # turned over on the way: the failure is one all the same
                return False
    return False
