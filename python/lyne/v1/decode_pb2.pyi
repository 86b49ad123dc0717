from google.rpc import status_pb2 as _status_pb2
from lyne.v1 import teacher_pb2 as _teacher_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DecodeRequest(_message.Message):
    __slots__ = ("open", "start", "step")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    open: OpenDecode
    start: StartSequences
    step: StepSequences
    def __init__(self, open: _Optional[_Union[OpenDecode, _Mapping]] = ..., start: _Optional[_Union[StartSequences, _Mapping]] = ..., step: _Optional[_Union[StepSequences, _Mapping]] = ...) -> None: ...

class OpenDecode(_message.Message):
    __slots__ = ("teacher", "expected_digests", "expected_vocabulary_size", "expected_execution_fingerprint", "temperature", "top_p", "seed", "stop_token_ids", "student", "priority")
    TEACHER_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_DIGESTS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VOCABULARY_SIZE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_EXECUTION_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    TOP_P_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    STOP_TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    STUDENT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    teacher: str
    expected_digests: _teacher_pb2.TeacherDigests
    expected_vocabulary_size: int
    expected_execution_fingerprint: _teacher_pb2.ExecutionFingerprint
    temperature: float
    top_p: float
    seed: int
    stop_token_ids: _containers.RepeatedScalarFieldContainer[int]
    student: str
    priority: _teacher_pb2.Priority
    def __init__(self, teacher: _Optional[str] = ..., expected_digests: _Optional[_Union[_teacher_pb2.TeacherDigests, _Mapping]] = ..., expected_vocabulary_size: _Optional[int] = ..., expected_execution_fingerprint: _Optional[_Union[_teacher_pb2.ExecutionFingerprint, _Mapping]] = ..., temperature: _Optional[float] = ..., top_p: _Optional[float] = ..., seed: _Optional[int] = ..., stop_token_ids: _Optional[_Iterable[int]] = ..., student: _Optional[str] = ..., priority: _Optional[_Union[_teacher_pb2.Priority, str]] = ...) -> None: ...

class StartSequences(_message.Message):
    __slots__ = ("sequences",)
    SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    sequences: _containers.RepeatedCompositeFieldContainer[DecodeSequence]
    def __init__(self, sequences: _Optional[_Iterable[_Union[DecodeSequence, _Mapping]]] = ...) -> None: ...

class DecodeSequence(_message.Message):
    __slots__ = ("sequence", "key", "token_ids", "token_ids_crc32c", "prompt_tokens", "draws")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_IDS_CRC32C_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    DRAWS_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    key: int
    token_ids: _containers.RepeatedScalarFieldContainer[int]
    token_ids_crc32c: int
    prompt_tokens: int
    draws: int
    def __init__(self, sequence: _Optional[int] = ..., key: _Optional[int] = ..., token_ids: _Optional[_Iterable[int]] = ..., token_ids_crc32c: _Optional[int] = ..., prompt_tokens: _Optional[int] = ..., draws: _Optional[int] = ...) -> None: ...

class StepSequences(_message.Message):
    __slots__ = ("sequences", "taken_counts", "taken_token_ids", "draws", "taken_token_ids_crc32c", "ended")
    SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    TAKEN_COUNTS_FIELD_NUMBER: _ClassVar[int]
    TAKEN_TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    DRAWS_FIELD_NUMBER: _ClassVar[int]
    TAKEN_TOKEN_IDS_CRC32C_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    sequences: _containers.RepeatedScalarFieldContainer[int]
    taken_counts: _containers.RepeatedScalarFieldContainer[int]
    taken_token_ids: _containers.RepeatedScalarFieldContainer[int]
    draws: _containers.RepeatedScalarFieldContainer[int]
    taken_token_ids_crc32c: int
    ended: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, sequences: _Optional[_Iterable[int]] = ..., taken_counts: _Optional[_Iterable[int]] = ..., taken_token_ids: _Optional[_Iterable[int]] = ..., draws: _Optional[_Iterable[int]] = ..., taken_token_ids_crc32c: _Optional[int] = ..., ended: _Optional[_Iterable[int]] = ...) -> None: ...

class DecodeResponse(_message.Message):
    __slots__ = ("opened", "decoded", "failed", "progress")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    DECODED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    opened: DecodeOpened
    decoded: DecodedTokens
    failed: DecodeFailed
    progress: DecodeProgress
    def __init__(self, opened: _Optional[_Union[DecodeOpened, _Mapping]] = ..., decoded: _Optional[_Union[DecodedTokens, _Mapping]] = ..., failed: _Optional[_Union[DecodeFailed, _Mapping]] = ..., progress: _Optional[_Union[DecodeProgress, _Mapping]] = ...) -> None: ...

class DecodeProgress(_message.Message):
    __slots__ = ("device_positions",)
    DEVICE_POSITIONS_FIELD_NUMBER: _ClassVar[int]
    device_positions: int
    def __init__(self, device_positions: _Optional[int] = ...) -> None: ...

class DecodeOpened(_message.Message):
    __slots__ = ("teacher",)
    TEACHER_FIELD_NUMBER: _ClassVar[int]
    teacher: _teacher_pb2.Teacher
    def __init__(self, teacher: _Optional[_Union[_teacher_pb2.Teacher, _Mapping]] = ...) -> None: ...

class DecodedTokens(_message.Message):
    __slots__ = ("sequences", "taken_counts", "drawn_counts", "drawn_token_ids", "log_probabilities", "proposal_log_probabilities", "ended")
    SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    TAKEN_COUNTS_FIELD_NUMBER: _ClassVar[int]
    DRAWN_COUNTS_FIELD_NUMBER: _ClassVar[int]
    DRAWN_TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    LOG_PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    PROPOSAL_LOG_PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    sequences: _containers.RepeatedScalarFieldContainer[int]
    taken_counts: _containers.RepeatedScalarFieldContainer[int]
    drawn_counts: _containers.RepeatedScalarFieldContainer[int]
    drawn_token_ids: _containers.RepeatedScalarFieldContainer[int]
    log_probabilities: _containers.RepeatedScalarFieldContainer[float]
    proposal_log_probabilities: _containers.RepeatedScalarFieldContainer[float]
    ended: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, sequences: _Optional[_Iterable[int]] = ..., taken_counts: _Optional[_Iterable[int]] = ..., drawn_counts: _Optional[_Iterable[int]] = ..., drawn_token_ids: _Optional[_Iterable[int]] = ..., log_probabilities: _Optional[_Iterable[float]] = ..., proposal_log_probabilities: _Optional[_Iterable[float]] = ..., ended: _Optional[_Iterable[int]] = ...) -> None: ...

class DecodeFailed(_message.Message):
    __slots__ = ("sequence", "status")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    status: _status_pb2.Status
    def __init__(self, sequence: _Optional[int] = ..., status: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...
