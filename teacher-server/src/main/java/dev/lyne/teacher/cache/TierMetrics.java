package dev.lyne.teacher.cache;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Metrics of one tier, over all teachers; several of one name count together. Safe for several threads. */
public final class TierMetrics {
    private static final Logger LOG = LoggerFactory.getLogger(TierMetrics.class);

    private final MeterRegistry registry;
    private final String tier;
    private final Counter hits;
    private final Counter misses;
    private final Counter skipped;
    private final Counter damaged;
    private final Counter errors;
    private final Counter writeDrops;
    private final Counter readBytes;
    private final Counter writtenBytes;
    private final Timer lookups;

    /** Registers the meters of the tier of this name. */
    public TierMetrics(MeterRegistry registry, String tier) {
        this.registry = registry;
        this.tier = tier;
        this.hits = counter("hits", "Lookups that found rows that answer");
        this.misses = counter("misses", "Lookups that found none that answer");
        this.skipped = counter("skipped", "Lookups not made: the tier is off, or their turn came too late");
        this.damaged = counter("damaged", "Entries found damaged, and recomputed");
        this.errors = counter("errors", "Operations that failed");
        this.writeDrops =
                counter("write.drops", "Entries not written: too large, too many waiting, or the tier is off");
        this.readBytes = counter("read.bytes", "Bytes of blocks that hits gave");
        this.writtenBytes = counter("written.bytes", "Bytes of blocks written");
        this.lookups = Timer.builder("lyne.teacher.tier.lookup")
                .description("From asking the tier to its answer, waiting for a turn included")
                .tag("tier", tier)
                .register(registry);
    }

    private Counter counter(String name, String description) {
        return Counter.builder("lyne.teacher.tier." + name)
                .description(description)
                .tag("tier", tier)
                .register(registry);
    }

    /** Registers a value to be read when the meters are. */
    public void gauge(String name, String description, Supplier<Number> value, String... tags) {
        Gauge.builder("lyne.teacher.tier." + name, value)
                .description(description)
                .tags(Tags.of("tier", tier).and(tags))
                .register(registry);
    }

    /** Rows that answer were found. */
    public void hit(long bytes) {
        hits.increment();
        readBytes.increment((double) bytes);
    }

    /** None were found. */
    public void missed() {
        misses.increment();
    }

    /** The tier was not asked. */
    public void skipped() {
        skipped.increment();
    }

    /** An entry was unsound. */
    public void damaged(String reason) {
        count(damaged, "damaged entries, which are recomputed", reason);
    }

    /** An operation failed. */
    public void failed(String reason) {
        count(errors, "failed operations", reason);
    }

    /** Says so in the log the first, second, fourth, eighth … time: a bad disk or network must not fill it. */
    private void count(Counter counter, String what, String reason) {
        counter.increment();
        long count = (long) counter.count();
        if (Long.bitCount(count) == 1) {
            LOG.warn("{} tier: {} {} so far; the last: {}", tier, count, what, reason);
        }
    }

    /** Rows were written. */
    public void wrote(long bytes) {
        writtenBytes.increment((double) bytes);
    }

    /** Entries were not written. */
    public void droppedWrites(int entries) {
        writeDrops.increment(entries);
    }

    void lookedUp(long nanos) {
        lookups.record(nanos, TimeUnit.NANOSECONDS);
    }
}
