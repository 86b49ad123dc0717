package dev.lyne.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.netty.handler.ssl.NotSslRecordException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.Set;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Why a call or a sequence failed, and what to do about it.
 *
 * @param code gRPC code
 * @param description one line for people
 * @param retryAfter delay that the server asked for; zero: none
 * @param reason the server's word for the kind of failure; empty: none
 */
record CallFailure(Status.Code code, String description, Duration retryAfter, String reason) {
    /** Reasons of a server that could not make sense of what it received. */
    private static final Set<String> GARBLED = Set.of("MALFORMED_MESSAGE", "PROTOCOL_VIOLATION");

    /** A remedy: what follows from a failure. */
    enum Remedy {
        /** Ask again, until the client's progress timeout. */
        RETRY,
        /** Ask again a few times only: the fault may lie in the sequence. */
        RETRY_FEW,
        /** Asking again does not mend it. */
        GIVE_UP
    }

    static CallFailure of(Throwable throwable) {
        Status status = Status.fromThrowable(throwable);
        com.google.rpc.@Nullable Status details = details(throwable);
        return details == null
                ? of(status.getCode(), describe(status))
                : new CallFailure(status.getCode(), describe(status), retryAfter(details), reason(details));
    }

    /** Returns the details that came with a failure; null where there are none, or none that can be read. */
    private static com.google.rpc.@Nullable Status details(Throwable throwable) {
        if (!(throwable instanceof StatusRuntimeException) && !(throwable instanceof StatusException)) {
            return null;
        }
        try {
            return StatusProto.fromThrowable(throwable);
        } catch (IllegalArgumentException e) {
            return null; // turned over on the way: the call ended all the same
        }
    }

    /**
     * Whether a server does not prove who it is: it speaks no TLS, or its certificate is not one to believe. A stream waits for a
     * better one; what has yet to begin does not.
     */
    static boolean isUntrusted(Throwable failed) {
        for (Throwable cause = failed; cause != null; cause = cause.getCause()) {
            if (cause instanceof CertificateException || cause instanceof NotSslRecordException) {
                return true;
            }
        }
        return false;
    }

    static CallFailure of(com.google.rpc.Status status) {
        return new CallFailure(
                Status.fromCodeValue(status.getCode()).getCode(),
                status.getMessage(),
                retryAfter(status),
                reason(status));
    }

    static CallFailure of(Status.Code code, String description) {
        return new CallFailure(code, description, Duration.ZERO, "");
    }

    /** Whether the server holds another teacher than the one that is expected. */
    boolean isMismatch() {
        return code == Status.Code.FAILED_PRECONDITION;
    }

    /** Whether what the student named as it opened does not fit; that may have been changed on the way, unlike what the server found later. */
    boolean isOpeningMismatch() {
        return isMismatch() && reason.equals("TEACHER_MISMATCH");
    }

    /** Whether the server could not make sense of what it received, which may have been changed on the way. */
    boolean isGarbled() {
        return GARBLED.contains(reason);
    }

    /** Returns the remedy of a call that ended. */
    Remedy ofCall() {
        return switch (code) {
            case FAILED_PRECONDITION,
                    INVALID_ARGUMENT,
                    NOT_FOUND,
                    UNAUTHENTICATED,
                    PERMISSION_DENIED,
                    UNIMPLEMENTED,
                    OUT_OF_RANGE,
                    ALREADY_EXISTS,
                    DATA_LOSS -> Remedy.GIVE_UP;
            default -> Remedy.RETRY;
        };
    }

    /** Returns the remedy of a sequence that failed alone. */
    Remedy ofSequence() {
        return switch (code) {
            case UNAVAILABLE, RESOURCE_EXHAUSTED, CANCELLED -> Remedy.RETRY;
            case DATA_LOSS, INTERNAL, DEADLINE_EXCEEDED, ABORTED, UNKNOWN -> Remedy.RETRY_FEW;
            default -> Remedy.GIVE_UP;
        };
    }

    /** The end of a stream that this failure of a call means; a precondition is always that of the expected teacher. */
    TeacherException asFinal(String address) {
        String message = "teacher " + address + ": " + this;
        return isMismatch() ? new TeacherMismatchException(message) : new TeacherRefusedException(message);
    }

    @Override
    public String toString() {
        return code + ": " + description;
    }

    private static String describe(Status status) {
        for (Throwable cause = status.getCause(); cause != null; cause = cause.getCause()) {
            if (cause instanceof ConnectException) {
                return "connection refused (is ./lyne serve running there?)";
            }
            if (cause instanceof UnknownHostException) {
                return "unknown host";
            }
            if (cause instanceof SSLException failure) {
                return tls(failure);
            }
        }
        String description = status.getDescription();
        if (description != null) {
            if (description.startsWith("http2 exception")) {
                return "what listens there does not speak gRPC (is it another port of that server, or another program?)";
            }
            if (description.contains("deadline exceeded after")) {
                return "no answer in time"; // gRPC's own words name its classes
            }
            boolean hungUp = description.startsWith("Network closed for unknown reason");
            return hungUp ? description + " (does the server speak TLS? --tls-ca FILE, or --tls)" : description;
        }
        return status.getCause() == null ? "no description" : String.valueOf(status.getCause());
    }

    private static String tls(SSLException failure) {
        if (failure instanceof NotSslRecordException) {
            return "TLS: the server speaks plain text there";
        }
        Throwable root = failure;
        for (Throwable cause = failure.getCause(); cause != null; cause = cause.getCause()) {
            root = cause;
        }
        String why = "TLS: " + (isUntrusted(failure) ? "the server's certificate is not to be believed: " : "");
        return why + root.getMessage();
    }

    private static Duration retryAfter(com.google.rpc.Status status) {
        RetryInfo info = detail(status, RetryInfo.class);
        if (info == null) {
            return Duration.ZERO;
        }
        var delay = info.getRetryDelay();
        Duration duration = Duration.ofSeconds(delay.getSeconds(), delay.getNanos());
        return duration.isNegative() ? Duration.ZERO : duration;
    }

    private static String reason(com.google.rpc.Status status) {
        ErrorInfo info = detail(status, ErrorInfo.class);
        return info == null ? "" : info.getReason();
    }

    private static <T extends Message> @Nullable T detail(com.google.rpc.Status status, Class<T> kind) {
        for (Any detail : status.getDetailsList()) {
            if (detail.is(kind)) {
                try {
                    return detail.unpack(kind);
                } catch (InvalidProtocolBufferException e) {
                    return null; // turned over on the way: the failure is one all the same
                }
            }
        }
        return null;
    }
}
