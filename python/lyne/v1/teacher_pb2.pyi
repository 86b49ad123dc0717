from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Precision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRECISION_UNSPECIFIED: _ClassVar[Precision]
    PRECISION_EXACT: _ClassVar[Precision]
    PRECISION_HALF: _ClassVar[Precision]
    PRECISION_COMPACT: _ClassVar[Precision]

class Priority(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRIORITY_UNSPECIFIED: _ClassVar[Priority]
    PRIORITY_INTERACTIVE: _ClassVar[Priority]
    PRIORITY_TRAINING: _ClassVar[Priority]
    PRIORITY_CAPTURE: _ClassVar[Priority]

class SelectionKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SELECTION_KIND_UNSPECIFIED: _ClassVar[SelectionKind]
    SELECTION_KIND_TOP_K: _ClassVar[SelectionKind]
    SELECTION_KIND_TOP_P_K: _ClassVar[SelectionKind]
    SELECTION_KIND_TOP_FRACTION: _ClassVar[SelectionKind]
    SELECTION_KIND_DRAWS: _ClassVar[SelectionKind]
    SELECTION_KIND_CHOSEN: _ClassVar[SelectionKind]
    SELECTION_KIND_LABEL_ONLY: _ClassVar[SelectionKind]
PRECISION_UNSPECIFIED: Precision
PRECISION_EXACT: Precision
PRECISION_HALF: Precision
PRECISION_COMPACT: Precision
PRIORITY_UNSPECIFIED: Priority
PRIORITY_INTERACTIVE: Priority
PRIORITY_TRAINING: Priority
PRIORITY_CAPTURE: Priority
SELECTION_KIND_UNSPECIFIED: SelectionKind
SELECTION_KIND_TOP_K: SelectionKind
SELECTION_KIND_TOP_P_K: SelectionKind
SELECTION_KIND_TOP_FRACTION: SelectionKind
SELECTION_KIND_DRAWS: SelectionKind
SELECTION_KIND_CHOSEN: SelectionKind
SELECTION_KIND_LABEL_ONLY: SelectionKind

class Teacher(_message.Message):
    __slots__ = ("name", "digests", "execution_fingerprint", "vocabulary_size", "context_length", "architecture", "parameters", "precisions", "selection_kinds", "limits", "deterministic", "decodes", "tail_error", "text_conventions")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIGESTS_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    VOCABULARY_SIZE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_LENGTH_FIELD_NUMBER: _ClassVar[int]
    ARCHITECTURE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    PRECISIONS_FIELD_NUMBER: _ClassVar[int]
    SELECTION_KINDS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    DETERMINISTIC_FIELD_NUMBER: _ClassVar[int]
    DECODES_FIELD_NUMBER: _ClassVar[int]
    TAIL_ERROR_FIELD_NUMBER: _ClassVar[int]
    TEXT_CONVENTIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    digests: TeacherDigests
    execution_fingerprint: ExecutionFingerprint
    vocabulary_size: int
    context_length: int
    architecture: str
    parameters: int
    precisions: _containers.RepeatedScalarFieldContainer[Precision]
    selection_kinds: _containers.RepeatedScalarFieldContainer[SelectionKind]
    limits: Limits
    deterministic: bool
    decodes: bool
    tail_error: float
    text_conventions: TextConventions
    def __init__(self, name: _Optional[str] = ..., digests: _Optional[_Union[TeacherDigests, _Mapping]] = ..., execution_fingerprint: _Optional[_Union[ExecutionFingerprint, _Mapping]] = ..., vocabulary_size: _Optional[int] = ..., context_length: _Optional[int] = ..., architecture: _Optional[str] = ..., parameters: _Optional[int] = ..., precisions: _Optional[_Iterable[_Union[Precision, str]]] = ..., selection_kinds: _Optional[_Iterable[_Union[SelectionKind, str]]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., deterministic: bool = ..., decodes: bool = ..., tail_error: _Optional[float] = ..., text_conventions: _Optional[_Union[TextConventions, _Mapping]] = ...) -> None: ...

class TextConventions(_message.Message):
    __slots__ = ("bos_token_id", "eos_token_id", "stop_token_ids", "chat_template_sha256")
    BOS_TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    EOS_TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    STOP_TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    CHAT_TEMPLATE_SHA256_FIELD_NUMBER: _ClassVar[int]
    bos_token_id: int
    eos_token_id: int
    stop_token_ids: _containers.RepeatedScalarFieldContainer[int]
    chat_template_sha256: bytes
    def __init__(self, bos_token_id: _Optional[int] = ..., eos_token_id: _Optional[int] = ..., stop_token_ids: _Optional[_Iterable[int]] = ..., chat_template_sha256: _Optional[bytes] = ...) -> None: ...

class TeacherDigests(_message.Message):
    __slots__ = ("model_sha256", "tokenizer_sha256")
    MODEL_SHA256_FIELD_NUMBER: _ClassVar[int]
    TOKENIZER_SHA256_FIELD_NUMBER: _ClassVar[int]
    model_sha256: bytes
    tokenizer_sha256: bytes
    def __init__(self, model_sha256: _Optional[bytes] = ..., tokenizer_sha256: _Optional[bytes] = ...) -> None: ...

class ExecutionFingerprint(_message.Message):
    __slots__ = ("torch_version", "device", "cpu_capability", "threads", "compute_precision", "arithmetic_version")
    TORCH_VERSION_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    CPU_CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_PRECISION_FIELD_NUMBER: _ClassVar[int]
    ARITHMETIC_VERSION_FIELD_NUMBER: _ClassVar[int]
    torch_version: str
    device: str
    cpu_capability: str
    threads: int
    compute_precision: str
    arithmetic_version: int
    def __init__(self, torch_version: _Optional[str] = ..., device: _Optional[str] = ..., cpu_capability: _Optional[str] = ..., threads: _Optional[int] = ..., compute_precision: _Optional[str] = ..., arithmetic_version: _Optional[int] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("max_in_flight_sequences", "max_in_flight_tokens", "max_k", "max_temperatures", "max_block_bytes", "smallest_temperature", "largest_temperature", "max_request_bytes", "max_response_bytes", "max_metadata_bytes", "max_chosen", "max_sequence_entries", "max_streams_per_connection", "max_connections", "max_decode_sequences", "max_decode_tokens", "decode_idle_seconds")
    MAX_IN_FLIGHT_SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    MAX_IN_FLIGHT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MAX_K_FIELD_NUMBER: _ClassVar[int]
    MAX_TEMPERATURES_FIELD_NUMBER: _ClassVar[int]
    MAX_BLOCK_BYTES_FIELD_NUMBER: _ClassVar[int]
    SMALLEST_TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    LARGEST_TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    MAX_REQUEST_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_RESPONSE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_METADATA_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_CHOSEN_FIELD_NUMBER: _ClassVar[int]
    MAX_SEQUENCE_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    MAX_STREAMS_PER_CONNECTION_FIELD_NUMBER: _ClassVar[int]
    MAX_CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_DECODE_SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    MAX_DECODE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    DECODE_IDLE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    max_in_flight_sequences: int
    max_in_flight_tokens: int
    max_k: int
    max_temperatures: int
    max_block_bytes: int
    smallest_temperature: float
    largest_temperature: float
    max_request_bytes: int
    max_response_bytes: int
    max_metadata_bytes: int
    max_chosen: int
    max_sequence_entries: int
    max_streams_per_connection: int
    max_connections: int
    max_decode_sequences: int
    max_decode_tokens: int
    decode_idle_seconds: int
    def __init__(self, max_in_flight_sequences: _Optional[int] = ..., max_in_flight_tokens: _Optional[int] = ..., max_k: _Optional[int] = ..., max_temperatures: _Optional[int] = ..., max_block_bytes: _Optional[int] = ..., smallest_temperature: _Optional[float] = ..., largest_temperature: _Optional[float] = ..., max_request_bytes: _Optional[int] = ..., max_response_bytes: _Optional[int] = ..., max_metadata_bytes: _Optional[int] = ..., max_chosen: _Optional[int] = ..., max_sequence_entries: _Optional[int] = ..., max_streams_per_connection: _Optional[int] = ..., max_connections: _Optional[int] = ..., max_decode_sequences: _Optional[int] = ..., max_decode_tokens: _Optional[int] = ..., decode_idle_seconds: _Optional[int] = ...) -> None: ...

class Selection(_message.Message):
    __slots__ = ("top_k", "top_p_k", "top_fraction", "draws", "chosen", "label_only", "temperatures", "raw_logits")
    TOP_K_FIELD_NUMBER: _ClassVar[int]
    TOP_P_K_FIELD_NUMBER: _ClassVar[int]
    TOP_FRACTION_FIELD_NUMBER: _ClassVar[int]
    DRAWS_FIELD_NUMBER: _ClassVar[int]
    CHOSEN_FIELD_NUMBER: _ClassVar[int]
    LABEL_ONLY_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURES_FIELD_NUMBER: _ClassVar[int]
    RAW_LOGITS_FIELD_NUMBER: _ClassVar[int]
    top_k: TopK
    top_p_k: TopPK
    top_fraction: TopFraction
    draws: Draws
    chosen: Chosen
    label_only: LabelOnly
    temperatures: _containers.RepeatedScalarFieldContainer[float]
    raw_logits: bool
    def __init__(self, top_k: _Optional[_Union[TopK, _Mapping]] = ..., top_p_k: _Optional[_Union[TopPK, _Mapping]] = ..., top_fraction: _Optional[_Union[TopFraction, _Mapping]] = ..., draws: _Optional[_Union[Draws, _Mapping]] = ..., chosen: _Optional[_Union[Chosen, _Mapping]] = ..., label_only: _Optional[_Union[LabelOnly, _Mapping]] = ..., temperatures: _Optional[_Iterable[float]] = ..., raw_logits: bool = ...) -> None: ...

class TopK(_message.Message):
    __slots__ = ("k",)
    K_FIELD_NUMBER: _ClassVar[int]
    k: int
    def __init__(self, k: _Optional[int] = ...) -> None: ...

class TopPK(_message.Message):
    __slots__ = ("p", "k", "truncation_temperature")
    P_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    TRUNCATION_TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    p: float
    k: int
    truncation_temperature: float
    def __init__(self, p: _Optional[float] = ..., k: _Optional[int] = ..., truncation_temperature: _Optional[float] = ...) -> None: ...

class TopFraction(_message.Message):
    __slots__ = ("fraction",)
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    fraction: float
    def __init__(self, fraction: _Optional[float] = ...) -> None: ...

class Draws(_message.Message):
    __slots__ = ("draws", "head", "seed")
    DRAWS_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    draws: int
    head: int
    seed: int
    def __init__(self, draws: _Optional[int] = ..., head: _Optional[int] = ..., seed: _Optional[int] = ...) -> None: ...

class Chosen(_message.Message):
    __slots__ = ("k",)
    K_FIELD_NUMBER: _ClassVar[int]
    k: int
    def __init__(self, k: _Optional[int] = ...) -> None: ...

class LabelOnly(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
