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
    /** Of a sequence that nobody traces. */
    public static final SequenceTrace NONE = new SequenceTrace(null, Span.getInvalid());

    /** What a sequence goes through, in this order; some pass some of it over. */
    public enum Phase {
        /** It is checked, and waits for room for its rows. */
        ADMISSION,
        /** Kept rows are searched for it. */
        LOOKUP,
        /** It waits for the device, or the engine. */
        QUEUE,
        /** It is in a forward. */
        COMPUTE,
        /** Its rows are encoded, or cut from others. */
        ENCODE,
        /** Its rows wait for their reader. */
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

    /** Of a span that has started; {@link #NONE} where nobody records it. */
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

    /** It goes through a forward, which has a span of its own. */
    public void inBatch(SpanContext batch) {
        if (tracer == null) {
            return;
        }
        synchronized (this) {
            phase.addLink(batch);
        }
    }

    /**
     * It is answered with rows.
     *
     * @param source where they came from
     */
    public void answered(String source, boolean narrowed, long bytes) {
        span.setAttribute(SOURCE, source);
        span.setAttribute(NARROWED, narrowed);
        span.setAttribute(BYTES, bytes);
        enter(Phase.SEND);
    }

    /** It is answered with a failure. */
    public void failed(String reason, String message) {
        span.setStatus(StatusCode.ERROR, reason + ": " + message);
        enter(Phase.SEND);
    }

    /** It is over. */
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
