package dev.lyne.student.client;

import java.time.Duration;

/**
 * How a client behaves. Made by {@link #builder()}; every way of making one checks the ranges.
 *
 * @param teacher name of the teacher on its server; empty: the server's only one
 * @param student name of the student in the server's metrics and logs, at most 128 characters; may be empty
 * @param windowSequences most sequences offered and not taken, at least 1
 * @param windowTokens most tokens of those sequences, at least 1; a sequence alone always fits
 * @param openTimeout how long opening may take in all, retries included
 * @param retryFor how long a stream may go without any progress before it fails for good
 * @param sequenceTimeout how long one ask for a sequence may take before it is withdrawn and asked anew; zero: no limit
 * @param firstBackoff delay before the first reconnection, before jitter
 * @param maxBackoff longest delay before a reconnection, before jitter
 * @param seed seed of the jitter
 * @param bypassCache whether servers compute every row afresh
 * @param security how it speaks to servers
 */
public record ClientOptions(
        String teacher,
        String student,
        int windowSequences,
        long windowTokens,
        Duration openTimeout,
        Duration retryFor,
        Duration sequenceTimeout,
        Duration firstBackoff,
        Duration maxBackoff,
        long seed,
        boolean bypassCache,
        TeacherSecurity security) {
    public ClientOptions {
        require(student.length() <= 128, "student", student.length() + " characters", "at most 128");
        require(windowSequences >= 1, "window_sequences", windowSequences, "at least 1");
        require(windowTokens >= 1, "window_tokens", windowTokens, "at least 1");
        requirePositive("open_timeout", openTimeout);
        requirePositive("retry_for", retryFor);
        require(
                !sequenceTimeout.isNegative() && sequenceTimeout.compareTo(Duration.ofDays(1)) <= 0,
                "sequence_timeout",
                sequenceTimeout,
                "PT0S..PT24H");
        requirePositive("first_backoff", firstBackoff);
        require(maxBackoff.compareTo(firstBackoff) >= 0, "max_backoff", maxBackoff, "at least " + firstBackoff);
    }

    /** What suits one student of a server with one teacher; {@link Builder} holds the values. */
    public static ClientOptions defaults() {
        return builder().build();
    }

    /** Starts from the defaults. */
    public static Builder builder() {
        return new Builder();
    }

    /** Starts from these options. */
    public Builder toBuilder() {
        return new Builder()
                .teacher(teacher)
                .student(student)
                .window(windowSequences, windowTokens)
                .openTimeout(openTimeout)
                .retryFor(retryFor)
                .sequenceTimeout(sequenceTimeout)
                .backoff(firstBackoff, maxBackoff)
                .seed(seed)
                .bypassCache(bypassCache)
                .security(security);
    }

    private static void requirePositive(String field, Duration duration) {
        require(!duration.isNegative() && !duration.isZero(), field, duration, "above 0");
    }

    private static void require(boolean holds, String field, Object value, String expectation) {
        if (!holds) {
            throw new IllegalArgumentException(field + ": " + value + " (expected: " + expectation + ")");
        }
    }

    /** Options in the making, with the defaults. Not safe for several threads. */
    public static final class Builder {
        private String teacher = "";
        private String student = "";
        private int windowSequences = 64;
        private long windowTokens = 1 << 18;
        private Duration openTimeout = Duration.ofSeconds(30);
        private Duration retryFor = Duration.ofMinutes(2);
        private Duration sequenceTimeout = Duration.ZERO;
        private Duration firstBackoff = Duration.ofMillis(100);
        private Duration maxBackoff = Duration.ofSeconds(10);
        private long seed;
        private boolean bypassCache;
        private TeacherSecurity security = TeacherSecurity.LOOPBACK;

        private Builder() {}

        /** Name of the teacher on its server. */
        public Builder teacher(String name) {
            teacher = name;
            return this;
        }

        /** Name of the student in the server's metrics and logs. */
        public Builder student(String name) {
            student = name;
            return this;
        }

        /** Most sequences offered and not taken, and most tokens of them. */
        public Builder window(int sequences, long tokens) {
            windowSequences = sequences;
            windowTokens = tokens;
            return this;
        }

        /** How long opening may take in all. */
        public Builder openTimeout(Duration timeout) {
            openTimeout = timeout;
            return this;
        }

        /** How long a stream may go without any progress. */
        public Builder retryFor(Duration patience) {
            retryFor = patience;
            return this;
        }

        /** How long one ask for a sequence may take; zero: no limit. */
        public Builder sequenceTimeout(Duration timeout) {
            sequenceTimeout = timeout;
            return this;
        }

        /** First and longest delay before a reconnection. */
        public Builder backoff(Duration first, Duration max) {
            firstBackoff = first;
            maxBackoff = max;
            return this;
        }

        /** Seed of the jitter of those delays. */
        public Builder seed(long value) {
            seed = value;
            return this;
        }

        /** Whether servers compute every row afresh. */
        public Builder bypassCache(boolean bypass) {
            bypassCache = bypass;
            return this;
        }

        /** How it speaks to servers; by default in plain text, to this machine only. */
        public Builder security(TeacherSecurity value) {
            security = value;
            return this;
        }

        /**
         * The options.
         *
         * @throws IllegalArgumentException if one is out of its range
         */
        public ClientOptions build() {
            return new ClientOptions(
                    teacher,
                    student,
                    windowSequences,
                    windowTokens,
                    openTimeout,
                    retryFor,
                    sequenceTimeout,
                    firstBackoff,
                    maxBackoff,
                    seed,
                    bypassCache,
                    security);
        }
    }
}
