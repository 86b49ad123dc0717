package dev.lyne.client;

import java.util.concurrent.TimeUnit;

/**
 * A replica's rate in tokens a second, measured while it has sequences in flight: what it answered over the time that it took, the
 * last few seconds weighing most. Silence counts at once: a replica that owes an answer gets slower by the moment. Guarded by its
 * pool's lock.
 *
 * <p>What is known of an idle replica is believed for a while, then tested with one sequence. An answer that came late because the
 * replica was cold, or had a queue, says little of the next: so the first test comes soon, and each that finds the replica as slow as
 * it was known to be makes the next come twice as late. A test that finds it faster replaces what was known.
 */
final class Rate {
    private static final double MEMORY_NANOS = 5e9;

    private static final long FIRST_BELIEF_NANOS = TimeUnit.SECONDS.toNanos(2);
    private static final long LONGEST_BELIEF_NANOS = TimeUnit.SECONDS.toNanos(64);

    /** A test that finds a replica this much faster than known has found another state of it. */
    private static final double FASTER = 2;

    private double tokens;
    private double nanos;
    private long sinceNanos;
    private boolean busy;
    private boolean tested;
    private long beliefNanos = FIRST_BELIEF_NANOS;

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
        if (tested) {
            endTest(answeredTokens / passed > FASTER * tokens / nanos);
        }
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

    private void endTest(boolean faster) {
        tested = false;
        if (faster) {
            tokens = 0;
            nanos = 0;
        }
        beliefNanos = faster ? FIRST_BELIEF_NANOS : Math.min(2 * beliefNanos, LONGEST_BELIEF_NANOS);
    }

    /** The process was not running meanwhile. */
    void slept(long byNanos) {
        sinceNanos += byNanos;
    }

    void forget() {
        tokens = 0;
        nanos = 0;
        busy = false;
        tested = false;
        beliefNanos = FIRST_BELIEF_NANOS;
    }

    boolean isKnown() {
        return tokens > 0 && !tested;
    }

    /** Whether the replica has been idle for so long that what is known of it should be tested. */
    boolean isDoubtful(long nowNanos) {
        return isKnown() && !busy && nowNanos - sinceNanos >= beliefNanos;
    }

    /** The sequence that is about to be sent tests what is known. */
    void test() {
        tested = true;
    }

    /**
     * Tokens a nanosecond as it looks now.
     *
     * @param owedTokens of the sequence that it is to answer next: where nothing is known or what is known is being tested, it is given
     *     credit for being just about to
     */
    double now(long nowNanos, int owedTokens) {
        if (!busy) {
            return tokens / Math.max(1, nanos);
        }
        double silent = Math.max(1, nowNanos - sinceNanos);
        return isKnown() ? tokens / (nanos + silent) : owedTokens / silent;
    }
}
