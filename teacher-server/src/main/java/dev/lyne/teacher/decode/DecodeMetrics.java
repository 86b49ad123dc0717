package dev.lyne.teacher.decode;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** Metrics of a teacher's decoding. */
public final class DecodeMetrics {
    private final MeterRegistry registry;
    private final Tags tags;
    private final Counter fed;
    private final Counter taken;
    private final Counter drawn;
    private final Counter outOfMemory;
    private final DistributionSummary stepSequences;
    private final Timer stepDuration;

    /** Registers the meters of one teacher. */
    public DecodeMetrics(MeterRegistry registry, String teacher) {
        this.registry = registry;
        this.tags = Tags.of("teacher", teacher);
        this.fed = counter("fed", "Tokens that decoding put through the model, answered tokens included");
        this.taken = counter("taken", "Tokens that students took and were told the log-probabilities of");
        this.drawn = counter("drawn", "Tokens drawn");
        this.outOfMemory = Counter.builder("lyne.teacher.batch.out.of.memory") // that of batches: it is one device
                .description("Forwards and steps of decoding that the device had no memory for, and that were split")
                .tags(tags)
                .register(registry);
        this.stepSequences = DistributionSummary.builder("lyne.teacher.decode.step.sequences")
                .description("Sequences a step of decoding")
                .tags(tags)
                .register(registry);
        this.stepDuration = Timer.builder("lyne.teacher.decode.step.duration")
                .description("Time of a step of decoding")
                .publishPercentiles(0.5, 0.99)
                .tags(tags)
                .register(registry);
    }

    /** The meters of a teacher that does not decode: all of them 0, so that pages of several teachers find them. */
    public static void ofNone(MeterRegistry registry, String teacher) {
        new DecodeMetrics(registry, teacher).bind(() -> 0, () -> 0, () -> 0);
    }

    private Counter counter(String kind, String description) {
        return Counter.builder("lyne.teacher.decode.tokens." + kind)
                .description(description)
                .tags(tags)
                .register(registry);
    }

    void bind(Supplier<Number> sessions, Supplier<Number> sequences, Supplier<Number> cacheBytes) {
        gauge("lyne.teacher.decode.sessions", "Open decoding sessions", sessions);
        gauge("lyne.teacher.decode.sequences", "Sequences of decoding sessions that have not ended", sequences);
        gauge("lyne.teacher.kv.cache.bytes", "Memory of keys and values, of --kv-cache-mib", cacheBytes);
    }

    private void gauge(String name, String description, Supplier<Number> value) {
        Gauge.builder(name, value).description(description).tags(tags).register(registry);
    }

    void stepped(int sequences, long tokens, long nanos) {
        stepSequences.record(sequences);
        fed.increment(tokens);
        stepDuration.record(nanos, TimeUnit.NANOSECONDS);
    }

    void ranOutOfMemory() {
        outOfMemory.increment();
    }

    void answered(int takenTokens, int drawnTokens) {
        taken.increment(takenTokens);
        drawn.increment(drawnTokens);
    }
}
