package dev.lyne.teacher.cache;

import static dev.lyne.teacher.score.RowStore.MEMORY;

import dev.lyne.teacher.score.RowStore;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;

/**
 * Where the rows of a server's teachers are kept: each teacher's in a share of memory of its own, so that no other's rows evict them, and all of them in
 * the slower tiers below. A share belongs to a name: a teacher that takes another's name finds its rows, where they are of the same model. Safe for
 * several threads.
 */
public final class TeacherCaches {
    private final MeterRegistry registry;
    private final List<TierLane> slower;
    private final Map<String, MemoryTier> shares = new ConcurrentHashMap<>();

    TeacherCaches(MeterRegistry registry, List<TierLane> slower) {
        this.registry = registry;
        this.slower = List.copyOf(slower);
        TierMetrics memory = new TierMetrics(registry, MEMORY);
        memory.gauge(
                "bytes",
                "Bytes held, with what holding them costs",
                () -> shares.values().stream().mapToLong(MemoryTier::bytes).sum());
        memory.gauge(
                "entries",
                "Sequences held",
                () -> shares.values().stream().mapToLong(MemoryTier::entries).sum());
    }

    /**
     * Takes slower tiers over, to close them.
     *
     * @param slower fastest first
     */
    public static TeacherCaches open(List<CacheTiers.Slower> slower, LongSupplier nanoClock, MeterRegistry registry) {
        return new TeacherCaches(
                registry,
                slower.stream()
                        .map(each -> new TierLane(each.tier(), each.options(), nanoClock, each.metrics()))
                        .toList());
    }

    /**
     * The tiers of a teacher's rows.
     *
     * @param maxBytes its share of memory; 0 keeps none
     */
    public RowStore of(String teacher, long maxBytes) {
        MemoryTier memory = shares.computeIfAbsent(teacher, unused -> new MemoryTier(maxBytes, registry));
        memory.resize(maxBytes);
        gauge(
                "lyne.teacher.cache.bytes",
                "Bytes of its share of memory that a teacher's rows take",
                teacher,
                memory::bytes);
        gauge("lyne.teacher.cache.limit.bytes", "A teacher's share of --cache-mib", teacher, memory::maxBytes);
        return new CacheTiers(memory, slower);
    }

    private void gauge(String name, String description, String teacher, LongSupplier value) {
        Gauge.builder(name, value, LongSupplier::getAsLong)
                .description(description)
                .tag("teacher", teacher)
                .strongReference(true)
                .register(registry);
    }

    /** Gives a teacher another share; what is beyond it goes. Does nothing where it has none. */
    public void resize(String teacher, long maxBytes) {
        MemoryTier memory = shares.get(teacher);
        if (memory != null) {
            memory.resize(maxBytes);
        }
    }

    /** Lets a teacher's share go. */
    public void remove(String teacher) {
        MemoryTier memory = shares.remove(teacher);
        if (memory != null) {
            memory.close();
        }
    }

    /** Lets what waits be written until the time has come, then closes every tier. */
    public void close(long endNanos) throws InterruptedException {
        for (TierLane lane : slower) {
            lane.close(endNanos);
        }
        shares.keySet().forEach(this::remove);
    }
}
