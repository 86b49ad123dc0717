package dev.lyne.teacher.rpc;

import dev.lyne.teacher.admission.ServedMetrics;
import dev.lyne.teacher.model.Failure;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** Metrics of what the streams carry and hold. */
public final class RpcMetrics {
    private final MeterRegistry registry;
    private final ServedMetrics served;
    final AtomicInteger streams = new AtomicInteger();
    final AtomicInteger sequencesInFlight = new AtomicInteger();
    final AtomicLong unsentBytes = new AtomicLong();

    /** Registers the server's meters. */
    public RpcMetrics(MeterRegistry registry) {
        this.registry = registry;
        this.served = new ServedMetrics(registry);
        gauge("lyne.teacher.streams", "Open streams", streams);
        gauge("lyne.teacher.sequences.in.flight", "Sequences received and not yet answered in full", sequencesInFlight);
        gauge("lyne.teacher.unsent.bytes", "Bytes of rows that wait for their readers", unsentBytes);
    }

    /** Returns the metrics of what was sent and refused, over HTTP, too. */
    public ServedMetrics served() {
        return served;
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
        served.refused(failure.reason());
    }
}
