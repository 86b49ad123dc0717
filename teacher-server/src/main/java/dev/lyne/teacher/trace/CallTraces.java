package dev.lyne.teacher.trace;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.propagation.TextMapGetter;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Gives every call and HTTP request a span, a child of the one that its metadata name (W3C Trace Context), which ends with it. */
public final class CallTraces implements ServerInterceptor {
    private static final AttributeKey<String> STATUS = AttributeKey.stringKey("rpc.grpc.status");

    private static final TextMapGetter<Metadata> HEADERS = new TextMapGetter<>() {
        @Override
        public Iterable<String> keys(Metadata headers) {
            return headers.keys();
        }

        @Override
        public @Nullable String get(@Nullable Metadata headers, String key) {
            return headers == null ? null : headers.get(Metadata.Key.of(key, Metadata.ASCII_STRING_MARSHALLER));
        }
    };

    private final Tracer tracer;

    /** Where spans come from; none where nobody traces. */
    public static Optional<CallTraces> of(OpenTelemetry telemetry) {
        return telemetry == OpenTelemetry.noop() ? Optional.empty() : Optional.of(new CallTraces(telemetry));
    }

    private CallTraces(OpenTelemetry telemetry) {
        this.tracer = telemetry.getTracer("lyne");
    }

    /**
     * Begins the span of an HTTP request, which {@link CallTrace#over} ends.
     *
     * @param traceparent its header of that name; empty where it has none
     */
    public CallTrace begin(String name, String traceparent) {
        Span span = tracer.spanBuilder(name)
                .setSpanKind(SpanKind.SERVER)
                .setParent(CallTrace.named(traceparent))
                .startSpan();
        return new CallTrace(tracer, span, true);
    }

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        Span span = tracer.spanBuilder(call.getMethodDescriptor().getFullMethodName())
                .setSpanKind(SpanKind.SERVER)
                .setParent(W3CTraceContextPropagator.getInstance()
                        .extract(io.opentelemetry.context.Context.root(), headers, HEADERS))
                .startSpan();
        ServerCall<Q, A> traced = new SimpleForwardingServerCall<>(call) {
            @Override
            public void close(Status status, Metadata trailers) {
                span.setAttribute(STATUS, status.getCode().name());
                if (!status.isOk()) {
                    span.setStatus(StatusCode.ERROR);
                }
                super.close(status, trailers);
            }
        };
        Context context = Context.current().withValue(CallTrace.KEY, new CallTrace(tracer, span, true));
        ServerCall.Listener<Q> listener = Contexts.interceptCall(context, traced, headers, next);
        return new SimpleForwardingServerCallListener<>(listener) {
            @Override
            public void onComplete() {
                try {
                    super.onComplete();
                } finally {
                    span.end();
                }
            }

            @Override
            public void onCancel() {
                try {
                    super.onCancel();
                } finally {
                    span.setAttribute(STATUS, Status.Code.CANCELLED.name());
                    span.end();
                }
            }
        };
    }
}
