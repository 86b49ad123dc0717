package dev.lyne.teacher.trace;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import java.util.List;

/** Spans of forwards: each a trace of its own, with links to the sequences in it, which have a link to it. */
public final class BatchTraces {
    /** None. */
    public static final BatchTraces NONE = new BatchTraces(OpenTelemetry.noop());

    private static final AttributeKey<String> TEACHER = AttributeKey.stringKey("lyne.teacher");
    private static final AttributeKey<String> DEVICE = AttributeKey.stringKey("lyne.device");
    private static final AttributeKey<Long> SEQUENCES = AttributeKey.longKey("lyne.sequences");
    private static final AttributeKey<Long> TOKENS = AttributeKey.longKey("lyne.tokens");

    private final Tracer tracer;

    public BatchTraces(OpenTelemetry telemetry) {
        this.tracer = telemetry.getTracer("lyne");
    }

    /**
     * Begins the span of a forward; an invalid one where nobody traces any of its sequences.
     *
     * @param sequences of them those that somebody traces
     * @param all how many sequences are in it
     */
    public Span begin(List<SequenceTrace> sequences, String teacher, String device, int all, long tokens) {
        if (sequences.isEmpty()) {
            return Span.getInvalid();
        }
        SpanBuilder builder = tracer.spanBuilder("lyne.batch")
                .setParent(Context.root())
                .setAllAttributes(
                        Attributes.of(TEACHER, teacher, DEVICE, device, SEQUENCES, (long) all, TOKENS, tokens));
        sequences.forEach(sequence -> builder.addLink(sequence.current()));
        Span span = builder.startSpan();
        sequences.forEach(sequence -> sequence.inBatch(span.getSpanContext()));
        return span;
    }
}
