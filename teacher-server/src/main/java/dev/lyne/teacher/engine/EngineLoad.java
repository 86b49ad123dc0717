package dev.lyne.teacher.engine;

import java.util.Optional;

/**
 * Load of an address: what is in flight there, and how fast it answers. An engine that is given more than it answers
 * within the time that an answer may take would answer all of it too late: so no more is in flight than it takes half
 * of that time for, by its measured rate, and a few while none has been measured. Not safe for several threads.
 */
final class EngineLoad {
    /** Sequences that may always be in flight: as many as it takes to measure a rate, and to find out that it rises. */
    private static final int ALWAYS = 8;

    private static final double LAST_WEIGHT = 0.2;
    private static final double SHARE_OF_ANSWER_TIME = 0.5;

    private final int most;
    private final double answerSeconds;
    private int sequences;
    private long tokens;

    /** Tokens a second while it has work; 0 before the first answer. */
    private double rate;

    private long lastAnswerNanos;

    EngineLoad(EngineSettings.Limits limits) {
        this.most = limits.inFlight();
        this.answerSeconds = limits.answer().toNanos() / 1e9;
    }

    int sequences() {
        return sequences;
    }

    double rate() {
        return rate;
    }

    /**
     * When a sequence more would be answered, in seconds; empty where it is not to be asked for now.
     *
     * @param otherwise rate where none has been measured
     */
    Optional<Double> expectedSeconds(int moreTokens, double otherwise) {
        double seconds = (tokens + moreTokens) / (rate == 0 ? otherwise : rate);
        boolean inTime = rate > 0 && seconds <= SHARE_OF_ANSWER_TIME * answerSeconds;
        return sequences < most && (sequences < ALWAYS || inTime) ? Optional.of(seconds) : Optional.empty();
    }

    /** A sequence is asked for. */
    void began(int ofTokens, long nowNanos) {
        if (sequences == 0) {
            lastAnswerNanos = nowNanos;
        }
        sequences++;
        tokens += ofTokens;
    }

    /** A sequence is not in flight any more. */
    void ended(int ofTokens) {
        sequences--;
        tokens -= ofTokens;
    }

    /** The same, answered. */
    void answered(int ofTokens, long nowNanos) {
        ended(ofTokens);
        double seconds = Math.max(1e-6, (nowNanos - lastAnswerNanos) / 1e9);
        lastAnswerNanos = nowNanos;
        // A mean of times, not of rates, so that answers that come together count by what they took together.
        double secondsPerToken = seconds / ofTokens;
        rate = rate == 0 ? 1 / secondsPerToken : 1 / (LAST_WEIGHT * secondsPerToken + (1 - LAST_WEIGHT) / rate);
    }
}
