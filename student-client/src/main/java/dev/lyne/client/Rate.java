package dev.lyne.client;

/**
 * A replica's rate in tokens a second, measured while it has sequences in flight: what it answered over the time that it took, the
 * last few seconds weighing most. Silence counts at once: a replica that owes an answer gets slower by the moment. Guarded by its
 * pool's lock.
 */
final class Rate {
    private static final double MEMORY_NANOS = 5e9;

    /** Time after which what is known of an idle replica is doubted by half, so that one that has recovered is tried again. */
    private static final double DOUBT_NANOS = 30e9;

    private double tokens;
    private double nanos;
    private long sinceNanos;
    private boolean busy;

    /** The first of its sequences has been sent. */
    void started(long nowNanos) {
        if (!busy) {
            busy = true;
            sinceNanos = nowNanos;
        }
    }

    /** A sequence was answered; the replica is idle where it was the last. */
    void answered(int answeredTokens, boolean last, long nowNanos) {
        double passed = Math.max(1, nowNanos - sinceNanos);
        double kept = Math.exp(-passed / MEMORY_NANOS);
        tokens = tokens * kept + answeredTokens;
        nanos = nanos * kept + passed;
        sinceNanos = nowNanos;
        busy = !last;
    }

    /** Nothing is in flight any more, without an answer to count. */
    void stopped(long nowNanos, int owedTokens) {
        if (busy) {
            answered(tokens == 0 ? owedTokens : 0, true, nowNanos);
        }
    }

    /** The process was not running meanwhile. */
    void slept(long byNanos) {
        sinceNanos += byNanos;
    }

    void forget() {
        tokens = 0;
        nanos = 0;
        busy = false;
    }

    boolean isKnown() {
        return tokens > 0;
    }

    /**
     * Tokens a nanosecond as it looks now.
     *
     * @param owedTokens of the sequence that it is to answer next: where nothing is known, it is given credit for being just about to
     */
    double now(long nowNanos, int owedTokens) {
        double silent = Math.max(0, nowNanos - sinceNanos);
        if (busy) {
            return (tokens > 0 ? tokens : owedTokens) / Math.max(1, nanos + silent);
        }
        return tokens / Math.max(1, nanos) * Math.pow(2, silent / DOUBT_NANOS);
    }
}
