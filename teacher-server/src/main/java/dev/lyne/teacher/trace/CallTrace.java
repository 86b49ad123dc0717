package dev.lyne.teacher.trace;

import io.grpc.Context;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.TracerProvider;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.propagation.TextMapGetter;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A call's span, and where spans of its sequences come from. A sequence's is a child of the span that its student names; of a student that
 * names none, it begins a trace of its own, with a link to the call.
 */
public final class CallTrace {
    /** Trace of a call that nobody traces. */
    static final CallTrace NONE = new CallTrace(TracerProvider.noop().get("lyne"), Span.getInvalid(), false);

    static final Context.Key<CallTrace> KEY = Context.keyWithDefault("lyne-trace", NONE);

    /** Reads the one header that a message carries. */
    private static final TextMapGetter<String> TRACEPARENT = new TextMapGetter<>() {
        @Override
        public Iterable<String> keys(String traceparent) {
            return List.of("traceparent");
        }

        @Override
        public @Nullable String get(@Nullable String traceparent, String key) {
            return key.equals("traceparent") ? traceparent : null;
        }
    };

    private static final AttributeKey<String> TENANT = AttributeKey.stringKey("lyne.tenant");
    private static final AttributeKey<String> TEACHER = AttributeKey.stringKey("lyne.teacher");
    private static final AttributeKey<String> STUDENT = AttributeKey.stringKey("lyne.student");
    private static final AttributeKey<Long> STREAM = AttributeKey.longKey("lyne.stream");
    private static final AttributeKey<Long> ID = AttributeKey.longKey("lyne.sequence");
    private static final AttributeKey<Long> TOKENS = AttributeKey.longKey("lyne.tokens");

    private final Tracer tracer;
    private final Span span;
    private final boolean on;

    CallTrace(Tracer tracer, Span span, boolean on) {
        this.tracer = tracer;
        this.span = span;
        this.on = on;
    }

    /** The call's in whose context this runs. */
    public static CallTrace current() {
        return KEY.get();
    }

    /** The call has opened a stream. */
    public void opened(String teacher, String tenant, String student, long stream) {
        span.setAllAttributes(Attributes.of(TEACHER, teacher, TENANT, tenant, STUDENT, student, STREAM, stream));
    }

    /**
     * Begins the span of a sequence that has come.
     *
     * @param traceparent the student's span, as W3C Trace Context has it; empty, or anything else that is none: it names none
     */
    public SequenceTrace sequence(String traceparent, String teacher, String tenant, long id, int tokens) {
        if (!on) {
            return SequenceTrace.NONE;
        }
        var parent = W3CTraceContextPropagator.getInstance()
                .extract(io.opentelemetry.context.Context.root(), traceparent, TRACEPARENT);
        SpanBuilder builder = tracer.spanBuilder("lyne.sequence")
                .setSpanKind(SpanKind.SERVER)
                .setParent(parent)
                .setAllAttributes(Attributes.of(TEACHER, teacher, TENANT, tenant, ID, id, TOKENS, (long) tokens));
        if (span.getSpanContext().isValid()) {
            builder.addLink(span.getSpanContext());
        }
        SequenceTrace trace = SequenceTrace.of(tracer, builder.startSpan());
        trace.enter(SequenceTrace.Phase.ADMISSION);
        return trace;
    }
}
