package dev.lyne.teacher.admission;

import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.score.EncodedBlock;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Metrics of what was sent and what was refused, by teacher, tenant and reason, whichever way it was asked for. Safe
 * for several threads.
 */
public final class ServedMetrics {
    private static final int MAX_TENANTS = 64;
    private static final String OTHERS = "others";

    private final MeterRegistry registry;
    private final Map<Failure.Reason, Counter> refusals = new EnumMap<>(Failure.Reason.class);
    private final Set<String> tenants = new HashSet<>(); // guarded by itself

    /** Registers the counters of refusals. */
    public ServedMetrics(MeterRegistry registry) {
        this.registry = registry;
        for (Failure.Reason reason : Failure.Reason.values()) {
            refusals.put(
                    reason,
                    Counter.builder("lyne.teacher.refusals")
                            .description("Sequences and calls that got a failure")
                            .tag("reason", reason.name().toLowerCase(Locale.ROOT))
                            .register(registry));
        }
    }

    /** Counts a refusal. */
    public void refused(Failure.Reason reason) {
        Counter counter = refusals.get(reason);
        if (counter != null) {
            counter.increment();
        }
    }

    /** A tenant's name in metrics; tenants past {@link #MAX_TENANTS} share one. */
    private String label(String tenant) {
        synchronized (tenants) {
            String label = tenants.contains(tenant) || tenants.size() < MAX_TENANTS ? tenant : OTHERS;
            tenants.add(label);
            return label;
        }
    }

    /** Counts what a tenant asked beyond its quota. */
    void quotaExceeded(String tenant, boolean enforced) {
        Counter.builder("lyne.teacher.quota.exceeded")
                .description("Sequences beyond their tenant's quota: refused, or in shadow let in")
                .tag("tenant", label(tenant))
                .tag("mode", enforced ? "enforce" : "shadow")
                .register(registry)
                .increment();
    }

    /** Returns the counters of one tenant. */
    public OfTenant tenant(String name) {
        String label = label(name);
        return new OfTenant(
                counter("lyne.teacher.tenant.positions", "Rows sent", "tenant", label),
                counter("lyne.teacher.tenant.bytes", "Bytes of blocks sent", "tenant", label),
                counter("lyne.teacher.tenant.refusals", "Sequences that got a failure", "tenant", label));
    }

    /** Returns the counters of one teacher. */
    public OfTeacher teacher(String name) {
        return new OfTeacher(
                counter("lyne.teacher.positions.served", "Rows sent", "teacher", name),
                counter("lyne.teacher.bytes.served", "Bytes of blocks sent", "teacher", name),
                counter("lyne.teacher.blocks.served", "Blocks sent", "teacher", name));
    }

    private Counter counter(String name, String description, String key, String value) {
        return Counter.builder(name).description(description).tag(key, value).register(registry);
    }

    /** Counters of one tenant's rows, bytes and failures. */
    public record OfTenant(Counter positions, Counter bytes, Counter refusals) {
        /** Counts a block that was sent. */
        public void sent(EncodedBlock block) {
            positions.increment(block.rows());
            bytes.increment(block.bytes().length);
        }
    }

    /** Counters of one teacher's rows, bytes and blocks. */
    public record OfTeacher(Counter positions, Counter bytes, Counter blocks) {
        /** Counts a block that was sent. */
        public void sent(EncodedBlock block) {
            blocks.increment();
            positions.increment(block.rows());
            bytes.increment(block.bytes().length);
        }
    }
}
