package dev.lyne.teacher.trace;

import io.grpc.Context;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.TracerProvider;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.propagation.TextMapGetter;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A call's span, or an HTTP request's, and where spans of its sequences and texts come from. A sequence's is a child of the span that its student
 * names; of a student that names none, it begins a trace of its own, with a link to the call, as each text does. That of a request's prompt is a child of
 * the request's.
 */
public final class CallTrace {
    /** Of a call that nobody traces. */
    public static final CallTrace NONE = new CallTrace(TracerProvider.noop().get("lyne"), Span.getInvalid(), false);

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
    private static final AttributeKey<Long> TEXT = AttributeKey.longKey("lyne.text");
    private static final AttributeKey<Long> TOKENS = AttributeKey.longKey("lyne.tokens");
    private static final AttributeKey<Long> HTTP_STATUS = AttributeKey.longKey("http.response.status_code");
    private static final int FIRST_SERVER_ERROR = 500;

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

    /** The context of the span that a header names, as W3C Trace Context has it; of none where it is empty, or anything else. */
    static io.opentelemetry.context.Context named(String traceparent) {
        return W3CTraceContextPropagator.getInstance()
                .extract(io.opentelemetry.context.Context.root(), traceparent, TRACEPARENT);
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
        SpanBuilder builder = sequence(teacher, tenant, id, tokens)
                .setSpanKind(SpanKind.SERVER)
                .setParent(named(traceparent));
        return begun(linked(builder));
    }

    /** Begins the span of an HTTP request's prompt, within the request's. */
    public SequenceTrace prompt(String teacher, String tenant, int index, int tokens) {
        return on
                ? begun(sequence(teacher, tenant, index, tokens)
                        .setParent(io.opentelemetry.context.Context.root().with(span)))
                : SequenceTrace.NONE;
    }

    /** The spans of a session's texts. */
    public TextTraces texts(String teacher, String tenant) {
        return on
                ? new TextTraces(Optional.of((number, tokens) -> linked(tracer.spanBuilder("lyne.text")
                                .setNoParent()
                                .setAllAttributes(Attributes.of(
                                        TEACHER, teacher, TENANT, tenant, TEXT, (long) number, TOKENS, (long) tokens)))
                        .startSpan()))
                : TextTraces.NONE;
    }

    /** An HTTP request is over: it was answered with this status, or, by 0, its connection ended before. */
    public void over(int status) {
        if (status != 0) {
            span.setAttribute(HTTP_STATUS, (long) status);
        }
        if (status == 0 || status >= FIRST_SERVER_ERROR) {
            span.setStatus(StatusCode.ERROR);
        }
        span.end();
    }

    private SpanBuilder sequence(String teacher, String tenant, long id, int tokens) {
        return tracer.spanBuilder("lyne.sequence")
                .setAllAttributes(Attributes.of(TEACHER, teacher, TENANT, tenant, ID, id, TOKENS, (long) tokens));
    }

    /** With a link to the call, where it is recorded. */
    private SpanBuilder linked(SpanBuilder builder) {
        return span.getSpanContext().isValid() ? builder.addLink(span.getSpanContext()) : builder;
    }

    private SequenceTrace begun(SpanBuilder builder) {
        SequenceTrace trace = SequenceTrace.of(tracer, builder.startSpan());
        trace.enter(SequenceTrace.Phase.ADMISSION);
        return trace;
    }
}
