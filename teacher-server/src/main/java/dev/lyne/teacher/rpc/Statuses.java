package dev.lyne.teacher.rpc;

import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import com.google.rpc.Status;
import dev.lyne.teacher.model.Failure;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;

/** The one place where failures become gRPC status: a code, ErrorInfo always, and a delay where a retry may help. */
final class Statuses {
    private static final String DOMAIN = "lyne.dev";

    private Statuses() {}

    static Status toStatus(Failure failure) {
        Status.Builder status = Status.newBuilder()
                .setCode(code(failure.reason()).getNumber())
                .setMessage(failure.message())
                .addDetails(Any.pack(ErrorInfo.newBuilder()
                        .setDomain(DOMAIN)
                        .setReason(failure.reason().name())
                        .build()));
        long retryMillis = failure.retryMillis() > 0 ? failure.retryMillis() : retryDelayMillis(failure.reason());
        if (retryMillis > 0) {
            status.addDetails(Any.pack(RetryInfo.newBuilder()
                    .setRetryDelay(Duration.newBuilder()
                            .setSeconds(retryMillis / 1_000)
                            .setNanos((int) (retryMillis % 1_000) * 1_000_000))
                    .build()));
        }
        return status.build();
    }

    static StatusRuntimeException toException(Failure failure) {
        return StatusProto.toStatusRuntimeException(toStatus(failure));
    }

    private static Code code(Failure.Reason reason) {
        return switch (reason) {
            case UNAUTHENTICATED, TOKEN_EXPIRED -> Code.UNAUTHENTICATED;
            case PERMISSION_DENIED -> Code.PERMISSION_DENIED;
            case INVALID_REQUEST, MALFORMED_MESSAGE, MESSAGE_TOO_LARGE, PROTOCOL_VIOLATION -> Code.INVALID_ARGUMENT;
            case TEACHER_NOT_FOUND, NO_TOKENIZER, NOT_CAPTURED -> Code.NOT_FOUND;
            case TEACHER_MISMATCH, TEACHER_CHANGED -> Code.FAILED_PRECONDITION;
            case CHECKSUM_MISMATCH, NOT_FINITE, CAPTURE_DAMAGED -> Code.DATA_LOSS;
            case DEADLINE_PASSED -> Code.DEADLINE_EXCEEDED;
            case WITHDRAWN -> Code.CANCELLED;
            case CREDIT_EXCEEDED, QUEUE_FULL, OVERLOADED, QUOTA_EXCEEDED, READER_STALLED, KV_CACHE_FULL ->
                Code.RESOURCE_EXHAUSTED;
            case SESSION_IDLE -> Code.ABORTED;
            case NO_DECODING -> Code.UNIMPLEMENTED;
            case DRAINING, TEACHER_UNAVAILABLE, ENGINE_UNAVAILABLE -> Code.UNAVAILABLE;
            case DEVICE_MEMORY, MODEL_FAILED, ENGINE_FAILED, SERVER_FAULT -> Code.INTERNAL;
        };
    }

    /** How long a caller should wait; 0 where asking again would end the same. */
    private static long retryDelayMillis(Failure.Reason reason) {
        return switch (reason) {
            case CREDIT_EXCEEDED -> 50;
            case QUEUE_FULL -> 250;
            case OVERLOADED, QUOTA_EXCEEDED -> 1_000;
            case DRAINING, TEACHER_UNAVAILABLE, READER_STALLED, KV_CACHE_FULL, ENGINE_UNAVAILABLE -> 1_000;
            case UNAUTHENTICATED,
                    TOKEN_EXPIRED,
                    PERMISSION_DENIED,
                    INVALID_REQUEST,
                    MALFORMED_MESSAGE,
                    MESSAGE_TOO_LARGE,
                    PROTOCOL_VIOLATION,
                    TEACHER_NOT_FOUND,
                    NO_TOKENIZER,
                    TEACHER_MISMATCH,
                    CHECKSUM_MISMATCH,
                    NOT_FINITE,
                    DEADLINE_PASSED,
                    WITHDRAWN,
                    SESSION_IDLE,
                    NO_DECODING,
                    DEVICE_MEMORY,
                    MODEL_FAILED,
                    ENGINE_FAILED,
                    TEACHER_CHANGED,
                    SERVER_FAULT,
                    NOT_CAPTURED,
                    CAPTURE_DAMAGED -> 0;
        };
    }
}
