package dev.lyne.client;

import io.grpc.Metadata;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import java.util.HashMap;
import java.util.Map;

/**
 * Spans of calls, of sequences from the offer until they are resolved, and within these of each attempt at one; nothing, and at no cost, where
 * no traces are asked for. What a server does for an attempt is a child of the attempt's span, which its message names.
 */
final class RequestTraces {
    private static final String TRACEPARENT = "traceparent";

    private static final AttributeKey<String> STUDENT = AttributeKey.stringKey("lyne.student");
    private static final AttributeKey<String> REPLICA = AttributeKey.stringKey("server.address");
    private static final AttributeKey<Long> ID = AttributeKey.longKey("lyne.sequence");
    private static final AttributeKey<Long> TOKENS = AttributeKey.longKey("lyne.tokens");

    private final boolean on;
    private final Tracer tracer;
    private final String student;

    RequestTraces(OpenTelemetry telemetry, String student) {
        this.on = telemetry != OpenTelemetry.noop();
        this.tracer = telemetry.getTracer("lyne");
        this.student = student;
    }

    /** Returns the span of a call to a replica. */
    Span call(String method, String replica) {
        return on
                ? tracer.spanBuilder(method)
                        .setSpanKind(SpanKind.CLIENT)
                        .setParent(Context.root())
                        .setAttribute(REPLICA, replica)
                        .setAttribute(STUDENT, student)
                        .startSpan()
                : Span.getInvalid();
    }

    /** The metadata that name a call's span. */
    static Metadata headers(Span call) {
        Metadata headers = new Metadata();
        String traceparent = traceparent(call);
        if (!traceparent.isEmpty()) {
            headers.put(Metadata.Key.of(TRACEPARENT, Metadata.ASCII_STRING_MARSHALLER), traceparent);
        }
        return headers;
    }

    /** Returns the span of a sequence that was offered. */
    Span sequence(TargetSequence sequence) {
        return on
                ? tracer.spanBuilder("lyne.target")
                        .setParent(Context.root())
                        .setAttribute(STUDENT, student)
                        .setAttribute(ID, sequence.id())
                        .setAttribute(TOKENS, (long) sequence.teacherTokens().length)
                        .startSpan()
                : Span.getInvalid();
    }

    /** Returns the span of an attempt at a sequence. */
    Span ask(Span sequence, String replica) {
        return sequence.isRecording()
                ? tracer.spanBuilder("lyne.ask")
                        .setSpanKind(SpanKind.CLIENT)
                        .setParent(Context.root().with(sequence))
                        .setAttribute(REPLICA, replica)
                        .startSpan()
                : Span.getInvalid();
    }

    /** A span as W3C Trace Context names it; empty where it is not recorded. */
    static String traceparent(Span span) {
        if (!span.getSpanContext().isSampled()) {
            return "";
        }
        Map<String, String> carrier = new HashMap<>();
        W3CTraceContextPropagator.getInstance().inject(Context.root().with(span), carrier, Map::put);
        return carrier.getOrDefault(TRACEPARENT, "");
    }
}
