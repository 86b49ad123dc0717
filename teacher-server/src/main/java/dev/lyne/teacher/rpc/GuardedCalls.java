package dev.lyne.teacher.rpc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.PacedLog;
import dev.lyne.teacher.model.PrintableText;
import io.grpc.Attributes;
import io.grpc.Grpc;
import io.grpc.KnownLength;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.slf4j.LoggerFactory;

/**
 * Stands around every call of a service: messages that are too large, bytes that are none, and whatever a handler throws end the call with a code and
 * ErrorInfo and one log line a second at most. Left to itself, gRPC answers both with UNKNOWN and logs the stack each time.
 */
public final class GuardedCalls {
    private final RpcMetrics metrics;
    private final int maxRequestBytes;
    private final PacedLog malformed = new PacedLog(LoggerFactory.getLogger(GuardedCalls.class));
    private final PacedLog tooLarge = new PacedLog(LoggerFactory.getLogger(GuardedCalls.class));
    private final PacedLog defects = new PacedLog(LoggerFactory.getLogger(GuardedCalls.class));

    /** @param maxRequestBytes largest message; gRPC has to let larger ones through for this to say so */
    public GuardedCalls(RpcMetrics metrics, int maxRequestBytes) {
        this.metrics = metrics;
        this.maxRequestBytes = maxRequestBytes;
    }

    /** A request as it came. */
    private sealed interface Received<Q> {
        record Message<Q>(Q value) implements Received<Q> {}

        record Refused<Q>(Failure failure) implements Received<Q> {}
    }

    /** Returns the service with every call guarded. */
    public ServerServiceDefinition around(ServerServiceDefinition service) {
        List<ServerMethodDefinition<?, ?>> methods = new ArrayList<>();
        service.getMethods().forEach(method -> methods.add(around(method)));
        ServiceDescriptor plain = service.getServiceDescriptor();
        ServiceDescriptor.Builder descriptor = ServiceDescriptor.newBuilder(plain.getName());
        Optional.ofNullable(plain.getSchemaDescriptor()).ifPresent(descriptor::setSchemaDescriptor);
        methods.forEach(method -> descriptor.addMethod(method.getMethodDescriptor()));
        ServerServiceDefinition.Builder guarded = ServerServiceDefinition.builder(descriptor.build());
        methods.forEach(guarded::addMethod);
        return guarded.build();
    }

    private <Q, A> ServerMethodDefinition<Received<Q>, A> around(ServerMethodDefinition<Q, A> method) {
        MethodDescriptor<Q, A> plain = method.getMethodDescriptor();
        MethodDescriptor<Received<Q>, A> guarded = plain.toBuilder(
                        new ReceivedMarshaller<>(plain, maxRequestBytes), plain.getResponseMarshaller())
                .build();
        ServerCallHandler<Q, A> handler = method.getServerCallHandler();
        return ServerMethodDefinition.create(guarded, (call, headers) -> {
            GuardedCall<Q, A> inner = new GuardedCall<>(call, plain);
            try {
                return new GuardedListener<>(inner, handler.startCall(inner, headers));
            } catch (Throwable e) {
                fail(inner, e);
                return new ServerCall.Listener<>() {};
            }
        });
    }

    private void fail(GuardedCall<?, ?> call, Throwable thrown) {
        defects.error("a call of " + call.getMethodDescriptor().getFullMethodName() + " failed", thrown);
        end(call, Failure.of(Failure.Reason.SERVER_FAULT, "the call cannot go on", thrown));
    }

    private void refuse(GuardedCall<?, ?> call, Failure failure) {
        PacedLog log = failure.reason() == Failure.Reason.MALFORMED_MESSAGE ? malformed : tooLarge;
        log.warn("refused a message from " + call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR) + ": "
                + failure.message());
        end(call, failure);
    }

    private void end(GuardedCall<?, ?> call, Failure failure) {
        metrics.refused(failure);
        StatusRuntimeException status = Statuses.toException(failure);
        call.close(status.getStatus(), Objects.requireNonNullElseGet(status.getTrailers(), Metadata::new));
    }

    /** Reads requests, and keeps what cannot be read for the call to answer. */
    private record ReceivedMarshaller<Q>(MethodDescriptor<Q, ?> plain, int maxBytes)
            implements MethodDescriptor.Marshaller<Received<Q>> {
        @Override
        public InputStream stream(Received<Q> received) {
            throw new UnsupportedOperationException("a server sends no requests");
        }

        @Override
        public Received<Q> parse(InputStream stream) {
            try {
                int bytes = stream instanceof KnownLength ? stream.available() : 0;
                if (bytes > maxBytes) {
                    return refused(
                            Failure.Reason.MESSAGE_TOO_LARGE,
                            bytes + " bytes (expected: at most max_request_bytes=" + maxBytes + ")");
                }
                return new Received.Message<>(plain.parseRequest(stream));
            } catch (IOException | RuntimeException e) {
                Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
                return refused(
                        Failure.Reason.MALFORMED_MESSAGE,
                        PrintableText.ofClient(String.valueOf(cause.getMessage())) + " (expected: a request of "
                                + plain.getFullMethodName() + ")");
            }
        }

        private static <Q> Received<Q> refused(Failure.Reason reason, String line) {
            return new Received.Refused<>(new Failure(reason, "message: " + line));
        }
    }

    /** Hands on what happens to a call until something is thrown. gRPC calls it one at a time. */
    private final class GuardedListener<Q, A> extends ServerCall.Listener<Received<Q>> {
        private final GuardedCall<Q, A> call;
        private final ServerCall.Listener<Q> handler;

        GuardedListener(GuardedCall<Q, A> call, ServerCall.Listener<Q> handler) {
            this.call = call;
            this.handler = handler;
        }

        @Override
        public void onMessage(Received<Q> received) {
            if (received instanceof Received.Message<Q> message) {
                guard(() -> handler.onMessage(message.value()));
            } else if (received instanceof Received.Refused<Q> refused) {
                refuse(call, refused.failure());
                letGo();
            }
        }

        @Override
        public void onHalfClose() {
            guard(handler::onHalfClose);
        }

        @Override
        public void onCancel() {
            guard(handler::onCancel);
        }

        @Override
        public void onComplete() {
            guard(handler::onComplete);
        }

        @Override
        public void onReady() {
            guard(handler::onReady);
        }

        private void guard(Runnable event) {
            try {
                event.run();
            } catch (Throwable e) {
                fail(call, e);
                letGo();
            }
        }

        /** Tells the handler at once. gRPC does once the last byte has left, which may be never where the client does not read. */
        private void letGo() {
            try {
                handler.onCancel();
            } catch (Throwable e) {
                defects.error("a call could not be let go", e);
            }
        }
    }

    /**
     * A call that the guard may close while its handler's threads send. A call is for one thread at a time, so what is sent and the
     * close are under a lock, and nothing is sent after it.
     */
    private static final class GuardedCall<Q, A> extends ServerCall<Q, A> {
        private final ServerCall<Received<Q>, A> call;
        private final MethodDescriptor<Q, A> method;

        @GuardedBy("this")
        private boolean closed;

        GuardedCall(ServerCall<Received<Q>, A> call, MethodDescriptor<Q, A> method) {
            this.call = call;
            this.method = method;
        }

        @Override
        public void request(int messages) {
            call.request(messages);
        }

        @Override
        public synchronized void sendHeaders(Metadata headers) {
            if (!closed) {
                call.sendHeaders(headers);
            }
        }

        @Override
        public synchronized void sendMessage(A message) {
            if (!closed) {
                call.sendMessage(message);
            }
        }

        @Override
        public synchronized void close(Status status, Metadata trailers) {
            if (!closed) {
                closed = true;
                call.close(status, trailers);
            }
        }

        @Override
        public boolean isReady() {
            return call.isReady();
        }

        @Override
        public void setOnReadyThreshold(int bytes) {
            call.setOnReadyThreshold(bytes);
        }

        @Override
        public boolean isCancelled() {
            return call.isCancelled();
        }

        @Override
        public void setMessageCompression(boolean enabled) {
            call.setMessageCompression(enabled);
        }

        @Override
        public void setCompression(String compressor) {
            call.setCompression(compressor);
        }

        @Override
        public Attributes getAttributes() {
            return call.getAttributes();
        }

        @Override
        public String getAuthority() {
            return call.getAuthority();
        }

        @Override
        public io.grpc.SecurityLevel getSecurityLevel() {
            return call.getSecurityLevel();
        }

        @Override
        public MethodDescriptor<Q, A> getMethodDescriptor() {
            return method;
        }
    }
}
