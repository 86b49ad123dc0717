"""A teacher server in this process, of made-up rows, that misbehaves as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent import futures

import grpc
import numpy as np
import rows
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

from lyne.v1 import decode_pb2, teacher_pb2, teacher_service_pb2, teacher_service_pb2_grpc
from lyne.wire import Precision, Selection, TopK
from lyne.wire.digests import token_checksum

Response = teacher_service_pb2.ScoreSequencesResponse


class FakeTeacher(teacher_service_pb2_grpc.TeacherServiceServicer):
    """Answers each sequence at once, unless `behave` says otherwise.

    `behave(sequence, number)` is called for the number-th sequence of all; it gives messages to send instead, raises `Abort`, or gives
    None for the honest answer.
    """

    def __init__(self, behave: Callable[..., list[Response] | None] | None = None, **changes: object):
        self.behave = behave or (lambda sequence, number: None)
        self.changes = changes
        self.sequences: list[list[int]] = []
        self.cancelled: list[int] = []
        self.opens: list[teacher_service_pb2.OpenStream] = []
        self.metadata: list[dict[str, str]] = []
        self.stream_metadata: list[dict[str, str]] = []
        self.credit = teacher_service_pb2.Credit(sequences=4, tokens=1 << 20)
        self.selection: Selection = TopK(4)
        self.precision = Precision.EXACT
        self.decoded = 0
        self.decode_opens: list[decode_pb2.OpenDecode] = []
        self.abort_decodes: set[int] = set()
        self.refusal: tuple[grpc.StatusCode, str, str] | None = None
        self.description_refusal: tuple[grpc.StatusCode, str, str] | None = None
        self.next_descriptions: list[teacher_pb2.Teacher] = []
        self.fails_texts = False
        self._server: grpc.Server | None = None
        self.lock = threading.Lock()

    def start(self, credentials: grpc.ServerCredentials | None = None) -> str:
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
        teacher_service_pb2_grpc.add_TeacherServiceServicer_to_server(self, self._server)
        port = (
            self._server.add_insecure_port("127.0.0.1:0")
            if credentials is None
            else self._server.add_secure_port("127.0.0.1:0", credentials)
        )
        self._server.start()
        return f"127.0.0.1:{port}"

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop(grace=None).wait()

    def __enter__(self) -> FakeTeacher:
        self.address = self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def teacher(self) -> teacher_pb2.Teacher:
        teacher = teacher_pb2.Teacher(
            name="fake",
            digests=teacher_pb2.TeacherDigests(model_sha256=rows.TEACHER, tokenizer_sha256=bytes(32)),
            vocabulary_size=rows.VOCABULARY,
            context_length=128,
        )
        for name, value in self.changes.items():
            if name == "model_sha256":
                teacher.digests.model_sha256 = value
            elif name in ("threads", "arithmetic_version"):
                setattr(teacher.execution_fingerprint, name, value)
            else:
                setattr(teacher, name, value)
        return teacher

    # --- the service ---------------------------------------------------------------------------------------------------------

    def GetTeacher(self, request, context):
        self.metadata.append(dict(context.invocation_metadata()))
        refuse(context, self.description_refusal)
        described = self.next_descriptions.pop(0) if self.next_descriptions else self.teacher()
        return teacher_service_pb2.GetTeacherResponse(teacher=described)

    def ScoreSequences(self, requests, context) -> Iterator[Response]:
        first = next(requests)
        self.opens.append(first.open)
        self.stream_metadata.append(dict(context.invocation_metadata()))
        refuse(context, self.refusal)
        yield Response(opened=teacher_service_pb2.StreamOpened(teacher=self.teacher(), credit=self.credit))
        for request in requests:
            if request.HasField("cancel"):
                self.cancelled.append(request.cancel.id)
            if not request.HasField("sequence"):
                continue
            with self.lock:
                number = len(self.sequences)
                self.sequences.append(list(request.sequence.token_ids))
            answer = self.behave(request.sequence, number)
            if callable(answer):
                yield from answer(context)
            else:
                yield from self.honest(request.sequence) if answer is None else answer

    def Decode(self, requests, context) -> Iterator[decode_pb2.DecodeResponse]:
        """Draws by the contract's rule from the made-up distribution; `after_answers` may end a call."""
        opened = next(requests).open
        self.decode_opens.append(opened)
        refuse(context, self.refusal)
        yield decode_pb2.DecodeResponse(opened=decode_pb2.DecodeOpened(teacher=self.teacher()))
        texts: dict[int, tuple[int, int, list[int]]] = {}
        for request in requests:
            for start in request.start.sequences:
                assert start.token_ids_crc32c == token_checksum(np.array(start.token_ids, dtype=np.int32))
                prompt = start.prompt_tokens or len(start.token_ids)
                texts[start.sequence] = (start.key, prompt, list(start.token_ids))
                if self.fails_texts:
                    why = status_pb2.Status(code=INTERNAL, message="the model failed")
                    yield decode_pb2.DecodeResponse(failed=decode_pb2.DecodeFailed(sequence=start.sequence, status=why))
                    continue
                if start.draws:
                    yield self._decoded(opened, start.sequence, texts[start.sequence], [], start.draws, context)
            step, at = request.step, 0
            for i, number in enumerate(step.sequences):
                count = step.taken_counts[i] if step.taken_counts else 0
                taken = list(step.taken_token_ids[at : at + count])
                at += count
                yield self._decoded(opened, number, texts[number], taken, step.draws[i] if step.draws else 1, context)
            if step.ended:
                yield decode_pb2.DecodeResponse(decoded=decode_pb2.DecodedTokens(ended=step.ended))

    def _decoded(self, opened, number, text, taken, draws, context) -> decode_pb2.DecodeResponse:
        with self.lock:
            self.decoded += 1
            if self.decoded in self.abort_decodes:
                context.abort(grpc.StatusCode.UNAVAILABLE, "a replica that goes away")
        key, prompt, tokens = text
        columns = decode_pb2.DecodedTokens(sequences=[number], taken_counts=[len(taken)])
        for token in taken:
            columns.log_probabilities.append(rows.distribution(tokens, len(tokens) - 1)[token])
            tokens.append(token)
        for _ in range(draws):
            logprobs = rows.distribution(tokens, len(tokens) - 1)
            token = rows.drawn(logprobs, opened.seed, key, len(tokens) - prompt)
            columns.log_probabilities.append(logprobs[token])
            columns.drawn_token_ids.append(token)
            tokens.append(token)
            if token in opened.stop_token_ids:
                break
        columns.drawn_counts.append(len(columns.drawn_token_ids))
        return decode_pb2.DecodeResponse(decoded=columns)

    def honest(self, sequence, **changes) -> list[Response]:
        """The right answer, in two blocks where there are two rows or more."""
        tokens = np.array(sequence.token_ids, dtype=np.int32)
        positions = np.concatenate([np.arange(r.first, r.first + r.count) for r in sequence.positions])
        parts = [positions] if len(positions) == 1 else np.array_split(positions, 2)
        answers = [
            Response(
                rows=teacher_service_pb2.Rows(
                    id=sequence.id,
                    first_position=int(part[0]),
                    block=rows.block(tokens, part, self.selection, self.precision, **changes),
                    source=teacher_service_pb2.SOURCE_COMPUTED,
                )
            )
            for part in parts
        ]
        done = teacher_service_pb2.SequenceDone(id=sequence.id, rows=len(positions))
        return [*answers, Response(done=done)]


def refuse(context, why: tuple[grpc.StatusCode, str, str] | None) -> None:
    """Ends a call with a code, a reason and words, where there are any."""
    if why is not None:
        code, reason, message = why
        packed = any_pb2.Any()
        packed.Pack(error_details_pb2.ErrorInfo(reason=reason))
        details = status_pb2.Status(code=code.value[0], message=message, details=[packed])
        context.set_trailing_metadata((("grpc-status-details-bin", details.SerializeToString()),))
        context.abort(code, message)


def failed(sequence, code: int, message: str, retry_after: float | None = None) -> list[Response]:
    """A sequence that fails alone."""
    details = []
    if retry_after is not None:
        delay = duration_pb2.Duration(nanos=int(retry_after * 1e9))
        packed = any_pb2.Any()
        packed.Pack(error_details_pb2.RetryInfo(retry_delay=delay))
        details.append(packed)
    status = status_pb2.Status(code=code, message=message, details=details)
    return [Response(failed=teacher_service_pb2.SequenceFailed(id=sequence.id, status=status))]


UNAVAILABLE, EXHAUSTED = code_pb2.UNAVAILABLE, code_pb2.RESOURCE_EXHAUSTED
INVALID, INTERNAL = code_pb2.INVALID_ARGUMENT, code_pb2.INTERNAL
