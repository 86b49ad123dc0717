package dev.lyne.teacher.batch;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;

/** Metrics of one of a teacher's devices. */
final class DeviceMetrics {
    private final Counter busy;
    private final Counter positions;

    /** @param tags teacher and device */
    DeviceMetrics(MeterRegistry registry, Tags tags) {
        this.busy = Counter.builder("lyne.teacher.device.busy")
                .description("Time that the device was at work")
                .baseUnit("seconds")
                .tags(tags)
                .register(registry);
        this.positions = Counter.builder("lyne.teacher.device.positions")
                .description("Positions that the device has worked through")
                .tags(tags)
                .register(registry);
    }

    void worked(long nanos) {
        busy.increment(nanos / 1e9);
    }

    void moved(long more) {
        positions.increment(more);
    }
}
