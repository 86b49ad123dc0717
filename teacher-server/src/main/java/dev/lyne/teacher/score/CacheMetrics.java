package dev.lyne.teacher.score;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;

/** Metrics of how a teacher's requests were answered. */
public final class CacheMetrics {
    final Counter hits;
    final Counter coalesced;
    final Counter misses;
    final Counter bypassed;
    final Counter narrowed;
    final Counter unkept;

    /** Registers the counters of one teacher. */
    public CacheMetrics(MeterRegistry registry, String teacher) {
        this.hits = counter(registry, teacher, "hits", "Sequences answered from a tier");
        this.coalesced =
                counter(registry, teacher, "coalesced", "Sequences that joined a search or a computation in flight");
        this.misses = counter(registry, teacher, "misses", "Sequences that began a computation");
        this.bypassed = counter(registry, teacher, "bypassed", "Sequences computed afresh because they asked for it");
        this.unkept = counter(
                registry,
                teacher,
                "unkept",
                "Sequences whose rows no cache keeps, as too many wait for an engine's probe to vouch for them");
        this.narrowed = counter(registry, teacher, "narrowed", "Sequences whose rows were cut from wider ones");
    }

    private static Counter counter(MeterRegistry registry, String teacher, String name, String description) {
        return Counter.builder("lyne.teacher.cache." + name)
                .description(description)
                .tag("teacher", teacher)
                .register(registry);
    }
}
