package dev.lyne.teacher.rpc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.tenant.Caller;
import io.grpc.ForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.Objects;

/**
 * A call of a caller who is known, which others may end while its handler sends. A call is for one thread at a time,
 * so what is sent and the close are under a lock, and nothing is sent after it.
 */
final class KnownCall<Q, A> extends ForwardingServerCall.SimpleForwardingServerCall<Q, A> {
    private final Caller caller;

    @GuardedBy("this")
    private boolean closed;

    KnownCall(ServerCall<Q, A> call, Caller caller) {
        super(call);
        this.caller = caller;
    }

    Caller caller() {
        return caller;
    }

    /** Ends the call at once; false where it was over. */
    synchronized boolean end(Failure failure) {
        if (closed) {
            return false;
        }
        StatusRuntimeException refusal = Statuses.toException(failure);
        close(refusal.getStatus(), Objects.requireNonNullElseGet(refusal.getTrailers(), Metadata::new));
        return true;
    }

    @Override
    public synchronized void sendHeaders(Metadata headers) {
        if (!closed) {
            super.sendHeaders(headers);
        }
    }

    @Override
    public synchronized void sendMessage(A message) {
        if (!closed) {
            super.sendMessage(message);
        }
    }

    @Override
    public synchronized void close(Status status, Metadata trailers) {
        if (!closed) {
            closed = true;
            super.close(status, trailers);
        }
    }
}
