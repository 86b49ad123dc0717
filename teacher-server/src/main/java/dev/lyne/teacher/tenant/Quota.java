package dev.lyne.teacher.tenant;

/**
 * How fast a tenant may ask.
 *
 * @param positionsPerSecond positions that it may ask for in a second, 1 to 10⁹
 * @param burst positions that it may ask for at once, after having asked for none, 1 or more
 * @param enforced whether what goes beyond is refused; false: it is only counted
 */
public record Quota(long positionsPerSecond, long burst, boolean enforced) {
    /** One a nanosecond, the finest that a bucket refills. */
    private static final long MOST_PER_SECOND = 1_000_000_000;

    public Quota {
        if (positionsPerSecond < 1 || positionsPerSecond > MOST_PER_SECOND) {
            throw new IllegalArgumentException("positions-per-second: " + positionsPerSecond + " (expected: 1.."
                    + MOST_PER_SECOND + "; no quota at all where there is to be no limit)");
        }
        if (burst < 1) {
            throw new IllegalArgumentException("burst: " + burst + " (expected: 1 or more)");
        }
    }
}
