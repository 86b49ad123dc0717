package dev.lyne.teacher.rpc;

import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.score.EncodedBlock;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** What the streams carry and hold. */
public final class RpcMetrics {
    private final MeterRegistry registry;
    private final Map<Failure.Reason, Counter> refusals = new EnumMap<>(Failure.Reason.class);
    private static final int MAX_TENANTS = 64;
    private static final String OTHERS = "others";

    private final Set<String> tenants = new HashSet<>(); // guarded by itself
    final AtomicInteger streams = new AtomicInteger();
    final AtomicInteger sequencesInFlight = new AtomicInteger();
    final AtomicLong unsentBytes = new AtomicLong();

    /** Registers the server's meters. */
    public RpcMetrics(MeterRegistry registry) {
        this.registry = registry;
        gauge("lyne.teacher.streams", "Open streams", streams);
        gauge("lyne.teacher.sequences.in.flight", "Sequences received and not yet answered in full", sequencesInFlight);
        gauge("lyne.teacher.unsent.bytes", "Bytes of rows that wait for their readers", unsentBytes);
        for (Failure.Reason reason : Failure.Reason.values()) {
            refusals.put(
                    reason,
                    Counter.builder("lyne.teacher.refusals")
                            .description("Sequences and calls that got a failure")
                            .tag("reason", reason.name().toLowerCase(Locale.ROOT))
                            .register(registry));
        }
    }

    void bindRoom(UnsentBudget unsent) {
        Gauge.builder("lyne.teacher.unsent.room.bytes", unsent, UnsentBudget::heldBytes)
                .description("Room taken for rows that are computed or wait for their readers, of --unsent-mib")
                .register(registry);
    }

    private void gauge(String name, String description, Number value) {
        Gauge.builder(name, value, Number::doubleValue).description(description).register(registry);
    }

    /** Bytes of rows that wait for their readers, over all streams. */
    public long unsentBytes() {
        return unsentBytes.get();
    }

    void refused(Failure failure) {
        Counter counter = refusals.get(failure.reason());
        if (counter != null) {
            counter.increment();
        }
    }

    /** What one tenant's streams were sent; tenants past {@link #MAX_TENANTS} share a name. */
    OfTenant tenant(String name) {
        String label;
        synchronized (tenants) {
            label = tenants.contains(name) || tenants.size() < MAX_TENANTS ? name : OTHERS;
            tenants.add(label);
        }
        return new OfTenant(
                tenantCounter("lyne.teacher.tenant.positions", "Rows sent", label),
                tenantCounter("lyne.teacher.tenant.bytes", "Bytes of blocks sent", label),
                tenantCounter("lyne.teacher.tenant.refusals", "Sequences that got a failure", label));
    }

    private Counter tenantCounter(String name, String description, String tenant) {
        return Counter.builder(name)
                .description(description)
                .tag("tenant", tenant)
                .register(registry);
    }

    /** Counters of one tenant's rows, bytes and failures. */
    record OfTenant(Counter positions, Counter bytes, Counter refusals) {}

    /** What one teacher's streams were sent. */
    Served served(String teacher) {
        return new Served(
                this,
                Counter.builder("lyne.teacher.positions.served")
                        .description("Rows sent")
                        .tag("teacher", teacher)
                        .register(registry),
                Counter.builder("lyne.teacher.bytes.served")
                        .description("Bytes of blocks sent")
                        .tag("teacher", teacher)
                        .register(registry),
                Counter.builder("lyne.teacher.blocks.served")
                        .description("Blocks sent")
                        .tag("teacher", teacher)
                        .register(registry));
    }

    /** Counters of one teacher's rows, bytes and blocks, beside the server's. */
    record Served(RpcMetrics all, Counter positions, Counter bytes, Counter blocks) {
        void sent(EncodedBlock block) {
            blocks.increment();
            positions.increment(block.rows());
            bytes.increment(block.bytes().length);
        }
    }
}
