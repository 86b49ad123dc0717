package dev.lyne.load.proxy;

/**
 * Shape of a network: what it does to each direction of its connections.
 *
 * @param delayNanos from one end to the other
 * @param bytesPerSecond of all connections together; infinite for no limit
 */
public record NetworkShape(long delayNanos, double bytesPerSecond) {
    public NetworkShape {
        if (delayNanos < 0 || delayNanos > 60_000_000_000L) {
            throw new IllegalArgumentException("delay: " + delayNanos / 1e6 + " ms (expected: 0..60000 ms)");
        }
        if (!(bytesPerSecond >= 1_000)) {
            throw new IllegalArgumentException("bandwidth: " + bytesPerSecond + " bytes/s (expected: 1000 or more)");
        }
    }
}
