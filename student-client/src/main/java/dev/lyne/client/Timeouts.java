package dev.lyne.client;

import java.math.BigDecimal;
import java.time.Duration;

/**
 * How long a client waits for what.
 *
 * @param open how long a replica may take to open a stream before it is asked anew
 * @param retry how long a client may go without any progress before it fails for good
 * @param stuck how long a replica's device may stand still, with sequences in flight, before others get them
 * @param hedge how long a sequence may go unanswered before another replica is asked for it, too; zero: no other is
 * @param sequence how long one attempt at a sequence may take before it is withdrawn and asked anew; zero: no limit
 * @param firstBackoff delay before the first reconnection, before jitter
 * @param maxBackoff longest delay before a reconnection, before jitter
 */
public record Timeouts(
        Duration open,
        Duration retry,
        Duration stuck,
        Duration hedge,
        Duration sequence,
        Duration firstBackoff,
        Duration maxBackoff) {
    /** Ten minutes without any progress, twenty seconds for a device that stands still. */
    public static final Timeouts DEFAULT = new Timeouts(
            Duration.ofSeconds(30),
            Duration.ofMinutes(10),
            Duration.ofSeconds(20),
            Duration.ZERO,
            Duration.ZERO,
            Duration.ofMillis(100),
            Duration.ofSeconds(10));

    public Timeouts {
        requirePositive("open_timeout", open);
        requirePositive("retry_for", retry);
        requirePositive("stuck_for", stuck);
        require(
                !hedge.isNegative() && hedge.compareTo(Duration.ofDays(1)) <= 0,
                "hedge_after",
                inSeconds(hedge),
                "0 s to 86400 s");
        require(
                !sequence.isNegative() && sequence.compareTo(Duration.ofDays(1)) <= 0,
                "sequence_timeout",
                inSeconds(sequence),
                "0 s to 86400 s");
        requirePositive("first_backoff", firstBackoff);
        require(
                maxBackoff.compareTo(firstBackoff) >= 0,
                "max_backoff",
                inSeconds(maxBackoff),
                "at least " + inSeconds(firstBackoff));
    }

    /** Returns the same timeouts, but for those on progress. */
    public Timeouts withProgressTimeouts(Duration retry, Duration stuck) {
        return new Timeouts(open, retry, stuck, hedge, sequence, firstBackoff, maxBackoff);
    }

    /** Returns the same timeouts, but for the one until a second replica is asked. */
    public Timeouts withHedge(Duration after) {
        return new Timeouts(open, retry, stuck, after, sequence, firstBackoff, maxBackoff);
    }

    /** Returns a duration in words, such as {@code 30 s} or {@code 0.25 s}. */
    static String inSeconds(Duration duration) {
        BigDecimal seconds = BigDecimal.valueOf(duration.getSeconds()).add(BigDecimal.valueOf(duration.getNano(), 9));
        return (seconds.signum() == 0 ? "0" : seconds.stripTrailingZeros().toPlainString()) + " s";
    }

    private static void requirePositive(String field, Duration duration) {
        require(!duration.isNegative() && !duration.isZero(), field, inSeconds(duration), "above 0 s");
    }

    private static void require(boolean holds, String field, Object value, String expectation) {
        if (!holds) {
            throw new IllegalArgumentException(field + ": " + value + " (expected: " + expectation + ")");
        }
    }
}
