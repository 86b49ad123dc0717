package dev.lyne.teacher.tenant;

/**
 * How fast a tenant may ask.
 *
 * @param positionsPerSecond positions that it may ask for in a second, 1 or more
 * @param burst positions that it may ask for at once, after having asked for none, 1 or more
 * @param enforced whether what goes beyond is refused; false: it is only counted
 */
public record Quota(long positionsPerSecond, long burst, boolean enforced) {
    public Quota {
        if (positionsPerSecond < 1) {
            throw new IllegalArgumentException(
                    "positions-per-second: " + positionsPerSecond + " (expected: 1 or more)");
        }
        if (burst < 1) {
            throw new IllegalArgumentException("burst: " + burst + " (expected: 1 or more)");
        }
    }
}
