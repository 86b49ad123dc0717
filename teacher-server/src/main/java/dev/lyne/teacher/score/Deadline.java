package dev.lyne.teacher.score;

/**
 * The time after which work that has not started is dropped.
 *
 * @param bounded false: there is none
 * @param nanos on the clock of {@link System#nanoTime}, whose values only compare by difference
 */
public record Deadline(boolean bounded, long nanos) {
    /** No deadline. */
    public static final Deadline NONE = new Deadline(false, 0);

    /** At that time. */
    public static Deadline at(long nanos) {
        return new Deadline(true, nanos);
    }

    /** True where the time has come. */
    public boolean passed(long nowNanos) {
        return bounded && nowNanos - nanos >= 0;
    }

    /** How long until then; {@link Long#MAX_VALUE} where there is none. */
    long nanosLeft(long nowNanos) {
        return bounded ? nanos - nowNanos : Long.MAX_VALUE;
    }

    /** The later one; none is later than any. */
    public Deadline latest(Deadline other) {
        if (!bounded || !other.bounded) {
            return NONE;
        }
        return nanos - other.nanos >= 0 ? this : other;
    }
}
