package dev.lyne.load.bench;

import io.micrometer.core.instrument.MeterRegistry;
import java.lang.management.ManagementFactory;

/** Counts and gauges of a server in this process. */
final class ServerGauges {
    private static final double MEBIBYTE = 1 << 20;

    private final MeterRegistry registry;

    ServerGauges(MeterRegistry registry) {
        this.registry = registry;
    }

    /** Bytes of encoded rows sent. */
    double bytesServed() {
        return registry.get("lyne.teacher.bytes.served").counter().count();
    }

    /** Blocks sent. */
    long blocksServed() {
        return (long) registry.get("lyne.teacher.blocks.served").counter().count();
    }

    /** Positions that the model computed. */
    double positionsScored() {
        return registry.get("lyne.teacher.positions.scored").counter().count();
    }

    /** Bytes of encoded rows that wait for their readers. */
    long unsentBytes() {
        return (long) registry.get("lyne.teacher.unsent.bytes").gauge().value();
    }

    /** Sequences taken on and not answered in full. */
    long sequencesInFlight() {
        return (long) registry.get("lyne.teacher.sequences.in.flight").gauge().value();
    }

    /** Tokens taken on whose rows are not computed yet. */
    long tokensToCompute() {
        return (long) registry.get("lyne.teacher.admitted.tokens").gauge().value();
    }

    /** Bytes of Java objects that survive a collection. */
    @SuppressWarnings("ExplicitGC") // the figure is what survives one
    long liveHeapBytes() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    static double mebibytes(double bytes) {
        return bytes / MEBIBYTE;
    }
}
