package dev.lyne.teacher.trace;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A sequence's span, from receipt until its last message leaves, and within it one span after another for what it goes through. Safe for
 * several threads; what comes after the end is nothing.
 */
public final class SequenceTrace {
    /** Trace of a sequence that nobody traces. */
    public static final SequenceTrace NONE = new SequenceTrace(null, Span.getInvalid());

    /** Phase of a sequence, in this order; some sequences pass over some of them. */
    public enum Phase {
        /** Checks of the sequence, and its wait for room for its rows. */
        ADMISSION,
        /** Search for kept rows. */
        LOOKUP,
        /** Wait for the device, or the engine. */
        QUEUE,
        /** Forward that the sequence is in. */
        COMPUTE,
        /** Encoding of the rows, or cutting them from others. */
        ENCODE,
        /** Wait of the rows for their reader. */
        SEND;

        private final String span = "lyne." + name().toLowerCase(Locale.ROOT);
    }

    private static final AttributeKey<String> SOURCE = AttributeKey.stringKey("lyne.source");
    private static final AttributeKey<Boolean> NARROWED = AttributeKey.booleanKey("lyne.narrowed");
    private static final AttributeKey<Long> BYTES = AttributeKey.longKey("lyne.bytes");

    private final @Nullable Tracer tracer;
    private final Span span;

    @GuardedBy("this")
    private Span phase = Span.getInvalid();

    @GuardedBy("this")
    private boolean over;

    private SequenceTrace(@Nullable Tracer tracer, Span span) {
        this.tracer = tracer;
        this.span = span;
    }

    /** Returns the trace of a span that has started; {@link #NONE} where nobody records it. */
    static SequenceTrace of(Tracer tracer, Span span) {
        return span.isRecording() ? new SequenceTrace(tracer, span) : NONE;
    }

    /** Ends what it goes through, and begins the next. */
    public void enter(Phase next) {
        Tracer known = tracer;
        if (known == null) {
            return;
        }
        synchronized (this) {
            if (!over) {
                phase.end();
                phase = known.spanBuilder(next.span)
                        .setParent(Context.root().with(span))
                        .startSpan();
            }
        }
    }

    /** The span of what it goes through now; invalid where nobody traces it. */
    public SpanContext current() {
        if (tracer == null) {
            return SpanContext.getInvalid();
        }
        synchronized (this) {
            return phase.getSpanContext();
        }
    }

    /** Notes a forward that the sequence goes through, which has a span of its own. */
    public void inBatch(SpanContext batch) {
        if (tracer == null) {
            return;
        }
        synchronized (this) {
            phase.addLink(batch);
        }
    }

    /**
     * Notes rows as the sequence's answer.
     *
     * @param source where they came from
     */
    public void answered(String source, boolean narrowed, long bytes) {
        span.setAttribute(SOURCE, source);
        span.setAttribute(NARROWED, narrowed);
        span.setAttribute(BYTES, bytes);
        enter(Phase.SEND);
    }

    /** Notes a failure as the sequence's answer. */
    public void failed(String reason, String message) {
        span.setStatus(StatusCode.ERROR, reason + ": " + message);
        enter(Phase.SEND);
    }

    /** Ends the trace. */
    public void end() {
        if (tracer == null) {
            return;
        }
        synchronized (this) {
            if (!over) {
                over = true;
                phase.end();
                span.end();
            }
        }
    }
}
