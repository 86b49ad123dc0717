package dev.lyne.load.proxy;

import com.google.errorprone.annotations.concurrent.GuardedBy;

/**
 * Direction of a network: what it carries leaves one after the other, and arrives the delay later. Safe for several
 * threads.
 */
final class Line {
    @GuardedBy("this")
    private NetworkShape shape;

    @GuardedBy("this")
    private long freeAtNanos;

    @GuardedBy("this")
    private boolean used;

    @GuardedBy("this")
    private long bytes;

    Line(NetworkShape shape) {
        this.shape = shape;
    }

    /** Changes what the network does to whatever is put on it from now on. */
    synchronized void shape(NetworkShape other) {
        shape = other;
    }

    /** Returns the moment at which bytes that are put on the line now arrive, on the same clock. */
    synchronized long arrival(long nowNanos, int count) {
        long start = used && freeAtNanos - nowNanos > 0 ? freeAtNanos : nowNanos;
        used = true;
        bytes += count;
        freeAtNanos = start + (long) (count / shape.bytesPerSecond() * 1e9);
        return freeAtNanos + shape.delayNanos();
    }

    /** Bytes carried so far. */
    synchronized long bytes() {
        return bytes;
    }

    /** Bytes that may be under way on one connection before its sender is held back: what the delay holds, and a buffer. */
    synchronized long mostUnderWay() {
        double held = shape.delayNanos() == 0 ? 0 : shape.bytesPerSecond() * shape.delayNanos() / 1e9;
        return (long) Math.min(1 << 26, held + (1 << 18));
    }
}
