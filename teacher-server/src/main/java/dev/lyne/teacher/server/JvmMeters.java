package dev.lyne.teacher.server;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;

/** Meters of the process that the server runs in. */
final class JvmMeters implements AutoCloseable {
    private final JvmGcMetrics gc = new JvmGcMetrics();

    JvmMeters(MeterRegistry registry) {
        new JvmMemoryMetrics().bindTo(registry);
        gc.bindTo(registry);
        new JvmThreadMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
        new UptimeMetrics().bindTo(registry);
        Gauge.builder("process.resident.memory", () -> ProcessMemory.now().resident())
                .description("Memory of the process that is there, of the heap and beside it")
                .baseUnit("bytes")
                .register(registry);
        Gauge.builder("process.native.memory", () -> ProcessMemory.now().ofNative())
                .description("What at least of that is none of the Java virtual machine's: weights, keys and values,"
                        + " tensors, network buffers")
                .baseUnit("bytes")
                .register(registry);
    }

    /** Stops listening to the collector. */
    @Override
    public void close() {
        gc.close();
    }
}
