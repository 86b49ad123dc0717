"""Why a call or a sequence failed, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import grpc
from google.rpc import error_details_pb2, status_pb2

from lyne.errors import LyneError, TeacherMismatchError, TeacherRefusedError

__all__ = ["Failure", "Remedy"]

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
_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


class Remedy(Enum):
    """What follows from a failure."""

    RETRY = "ask again, for as long as the client's patience lasts"
    RETRY_FEW = "ask again a few times only: the fault may lie in the sequence"
    GIVE_UP = "never ask again"


@dataclass(frozen=True)
class Failure:
    """A gRPC code, the words that came with it, and the delay to retry after that the server asked for, in seconds."""

    code: str
    description: str
    retry_after: float = 0.0

    @staticmethod
    def of_call(error: grpc.RpcError) -> Failure:
        """Why a call ended."""
        code = error.code().name if isinstance(error, grpc.Call) else "UNKNOWN"
        description = (error.details() if isinstance(error, grpc.Call) else str(error)) or "no description"
        status = status_pb2.Status()
        for key, value in (error.trailing_metadata() or ()) if isinstance(error, grpc.Call) else ():
            if key == "grpc-status-details-bin":
                status.ParseFromString(value)
        return Failure(code, _explain(description), _retry_after(status))

    @staticmethod
    def of_sequence(status: status_pb2.Status) -> Failure:
        """Why a sequence failed alone."""
        return Failure(_NAMES.get(status.code, "UNKNOWN"), status.message, _retry_after(status))

    def remedy_of_call(self, may_have_a_new_token: bool = False) -> Remedy:
        """What follows from the end of a call.

        Args:
            may_have_a_new_token: whether the call had been opened with a token out of a file, which may have another one by now.
        """
        if self.code == "UNAUTHENTICATED" and may_have_a_new_token:
            return Remedy.RETRY
        return Remedy.GIVE_UP if self.code in _FINAL_FOR_CALL else Remedy.RETRY

    def remedy_of_sequence(self) -> Remedy:
        if self.code in _RETRY_SEQUENCE:
            return Remedy.RETRY
        return Remedy.RETRY_FEW if self.code in _RETRY_SEQUENCE_FEW else Remedy.GIVE_UP

    def as_final(self, label: str) -> LyneError:
        """The end of a stream that this failure of a call means; a precondition is always that of the expected teacher."""
        kind = TeacherMismatchError if self.code == "FAILED_PRECONDITION" else TeacherRefusedError
        return kind(f"teacher {label}: {self.code}: {self.description}")


def _explain(description: str) -> str:
    if "Connection refused" in description:
        return "connection refused (is ./lyne serve running there?)"
    if "CERTIFICATE_VERIFY_FAILED" in description:
        return "TLS: the server's certificate is not to be believed"
    if "WRONG_VERSION_NUMBER" in description:
        return "TLS: the server speaks plain text there"
    return description


def _retry_after(status: status_pb2.Status) -> float:
    for detail in status.details:
        if detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            info = error_details_pb2.RetryInfo()
            detail.Unpack(info)
            return max(0.0, info.retry_delay.ToTimedelta().total_seconds())
    return 0.0
