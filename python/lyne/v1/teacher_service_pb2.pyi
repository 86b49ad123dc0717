from google.rpc import error_details_pb2 as _error_details_pb2
from google.rpc import status_pb2 as _status_pb2
from lyne.v1 import decode_pb2 as _decode_pb2
from lyne.v1 import teacher_pb2 as _teacher_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Source(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SOURCE_UNSPECIFIED: _ClassVar[Source]
    SOURCE_COMPUTED: _ClassVar[Source]
    SOURCE_COALESCED: _ClassVar[Source]
    SOURCE_CACHED: _ClassVar[Source]
    SOURCE_REPLAYED: _ClassVar[Source]
SOURCE_UNSPECIFIED: Source
SOURCE_COMPUTED: Source
SOURCE_COALESCED: Source
SOURCE_CACHED: Source
SOURCE_REPLAYED: Source

class ListTeachersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListTeachersResponse(_message.Message):
    __slots__ = ("teachers",)
    TEACHERS_FIELD_NUMBER: _ClassVar[int]
    teachers: _containers.RepeatedCompositeFieldContainer[_teacher_pb2.Teacher]
    def __init__(self, teachers: _Optional[_Iterable[_Union[_teacher_pb2.Teacher, _Mapping]]] = ...) -> None: ...

class GetTeacherRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetTeacherResponse(_message.Message):
    __slots__ = ("teacher",)
    TEACHER_FIELD_NUMBER: _ClassVar[int]
    teacher: _teacher_pb2.Teacher
    def __init__(self, teacher: _Optional[_Union[_teacher_pb2.Teacher, _Mapping]] = ...) -> None: ...

class ScoreSequencesRequest(_message.Message):
    __slots__ = ("open", "sequence", "cancel")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    open: OpenStream
    sequence: Sequence
    cancel: CancelSequence
    def __init__(self, open: _Optional[_Union[OpenStream, _Mapping]] = ..., sequence: _Optional[_Union[Sequence, _Mapping]] = ..., cancel: _Optional[_Union[CancelSequence, _Mapping]] = ...) -> None: ...

class OpenStream(_message.Message):
    __slots__ = ("teacher", "expected_digests", "expected_vocabulary_size", "expected_execution_fingerprint", "selection", "precision", "student", "share_chosen", "priority", "vouched_only")
    TEACHER_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_DIGESTS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VOCABULARY_SIZE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_EXECUTION_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    STUDENT_FIELD_NUMBER: _ClassVar[int]
    SHARE_CHOSEN_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    VOUCHED_ONLY_FIELD_NUMBER: _ClassVar[int]
    teacher: str
    expected_digests: _teacher_pb2.TeacherDigests
    expected_vocabulary_size: int
    expected_execution_fingerprint: _teacher_pb2.ExecutionFingerprint
    selection: _teacher_pb2.Selection
    precision: _teacher_pb2.Precision
    student: str
    share_chosen: bool
    priority: _teacher_pb2.Priority
    vouched_only: bool
    def __init__(self, teacher: _Optional[str] = ..., expected_digests: _Optional[_Union[_teacher_pb2.TeacherDigests, _Mapping]] = ..., expected_vocabulary_size: _Optional[int] = ..., expected_execution_fingerprint: _Optional[_Union[_teacher_pb2.ExecutionFingerprint, _Mapping]] = ..., selection: _Optional[_Union[_teacher_pb2.Selection, _Mapping]] = ..., precision: _Optional[_Union[_teacher_pb2.Precision, str]] = ..., student: _Optional[str] = ..., share_chosen: bool = ..., priority: _Optional[_Union[_teacher_pb2.Priority, str]] = ..., vouched_only: bool = ...) -> None: ...

class Sequence(_message.Message):
    __slots__ = ("id", "token_ids", "token_ids_crc32c", "positions", "timeout_millis", "bypass_cache", "chosen", "traceparent")
    ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_IDS_CRC32C_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MILLIS_FIELD_NUMBER: _ClassVar[int]
    BYPASS_CACHE_FIELD_NUMBER: _ClassVar[int]
    CHOSEN_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    id: int
    token_ids: _containers.RepeatedScalarFieldContainer[int]
    token_ids_crc32c: int
    positions: _containers.RepeatedCompositeFieldContainer[PositionRange]
    timeout_millis: int
    bypass_cache: bool
    chosen: _containers.RepeatedCompositeFieldContainer[ChosenTokens]
    traceparent: str
    def __init__(self, id: _Optional[int] = ..., token_ids: _Optional[_Iterable[int]] = ..., token_ids_crc32c: _Optional[int] = ..., positions: _Optional[_Iterable[_Union[PositionRange, _Mapping]]] = ..., timeout_millis: _Optional[int] = ..., bypass_cache: bool = ..., chosen: _Optional[_Iterable[_Union[ChosenTokens, _Mapping]]] = ..., traceparent: _Optional[str] = ...) -> None: ...

class ChosenTokens(_message.Message):
    __slots__ = ("token_ids",)
    TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    token_ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, token_ids: _Optional[_Iterable[int]] = ...) -> None: ...

class PositionRange(_message.Message):
    __slots__ = ("first", "count")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    first: int
    count: int
    def __init__(self, first: _Optional[int] = ..., count: _Optional[int] = ...) -> None: ...

class CancelSequence(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class ScoreSequencesResponse(_message.Message):
    __slots__ = ("opened", "credit", "rows", "done", "failed", "progress")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    opened: StreamOpened
    credit: Credit
    rows: Rows
    done: SequenceDone
    failed: SequenceFailed
    progress: Progress
    def __init__(self, opened: _Optional[_Union[StreamOpened, _Mapping]] = ..., credit: _Optional[_Union[Credit, _Mapping]] = ..., rows: _Optional[_Union[Rows, _Mapping]] = ..., done: _Optional[_Union[SequenceDone, _Mapping]] = ..., failed: _Optional[_Union[SequenceFailed, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("device_positions",)
    DEVICE_POSITIONS_FIELD_NUMBER: _ClassVar[int]
    device_positions: int
    def __init__(self, device_positions: _Optional[int] = ...) -> None: ...

class StreamOpened(_message.Message):
    __slots__ = ("teacher", "credit", "vouched_only")
    TEACHER_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    VOUCHED_ONLY_FIELD_NUMBER: _ClassVar[int]
    teacher: _teacher_pb2.Teacher
    credit: Credit
    vouched_only: bool
    def __init__(self, teacher: _Optional[_Union[_teacher_pb2.Teacher, _Mapping]] = ..., credit: _Optional[_Union[Credit, _Mapping]] = ..., vouched_only: bool = ...) -> None: ...

class Credit(_message.Message):
    __slots__ = ("sequences", "tokens")
    SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    sequences: int
    tokens: int
    def __init__(self, sequences: _Optional[int] = ..., tokens: _Optional[int] = ...) -> None: ...

class Rows(_message.Message):
    __slots__ = ("id", "first_position", "block", "source", "narrowed", "tier")
    ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_POSITION_FIELD_NUMBER: _ClassVar[int]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    NARROWED_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    id: int
    first_position: int
    block: bytes
    source: Source
    narrowed: bool
    tier: str
    def __init__(self, id: _Optional[int] = ..., first_position: _Optional[int] = ..., block: _Optional[bytes] = ..., source: _Optional[_Union[Source, str]] = ..., narrowed: bool = ..., tier: _Optional[str] = ...) -> None: ...

class SequenceDone(_message.Message):
    __slots__ = ("id", "rows")
    ID_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    id: int
    rows: int
    def __init__(self, id: _Optional[int] = ..., rows: _Optional[int] = ...) -> None: ...

class SequenceFailed(_message.Message):
    __slots__ = ("id", "status")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    id: int
    status: _status_pb2.Status
    def __init__(self, id: _Optional[int] = ..., status: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class GetTokenizerRequest(_message.Message):
    __slots__ = ("teacher",)
    TEACHER_FIELD_NUMBER: _ClassVar[int]
    teacher: str
    def __init__(self, teacher: _Optional[str] = ...) -> None: ...

class GetTokenizerResponse(_message.Message):
    __slots__ = ("file_name", "file_sha256", "file_bytes", "part")
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    FILE_SHA256_FIELD_NUMBER: _ClassVar[int]
    FILE_BYTES_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    file_name: str
    file_sha256: bytes
    file_bytes: int
    part: bytes
    def __init__(self, file_name: _Optional[str] = ..., file_sha256: _Optional[bytes] = ..., file_bytes: _Optional[int] = ..., part: _Optional[bytes] = ...) -> None: ...

class FailureDetails(_message.Message):
    __slots__ = ("info", "retry")
    INFO_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    info: _error_details_pb2.ErrorInfo
    retry: _error_details_pb2.RetryInfo
    def __init__(self, info: _Optional[_Union[_error_details_pb2.ErrorInfo, _Mapping]] = ..., retry: _Optional[_Union[_error_details_pb2.RetryInfo, _Mapping]] = ...) -> None: ...
