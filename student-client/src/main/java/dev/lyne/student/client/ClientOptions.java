package dev.lyne.student.client;

import java.time.Duration;

/**
 * How a client behaves.
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
        boolean bypassCache) {
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

    /** 64 sequences of at most 262,144 tokens ahead, 10 s to open, 2 minutes without progress, backoff 100 ms to 10 s. */
    public static ClientOptions defaults() {
        return new ClientOptions(
                "",
                "",
                64,
                1 << 18,
                Duration.ofSeconds(10),
                Duration.ofMinutes(2),
                Duration.ZERO,
                Duration.ofMillis(100),
                Duration.ofSeconds(10),
                0,
                false);
    }

    /** These options for another teacher of the server. */
    public ClientOptions withTeacher(String name) {
        return new ClientOptions(
                name,
                student,
                windowSequences,
                windowTokens,
                openTimeout,
                retryFor,
                sequenceTimeout,
                firstBackoff,
                maxBackoff,
                seed,
                bypassCache);
    }

    /** These options under a student's name. */
    public ClientOptions withStudent(String name) {
        return new ClientOptions(
                teacher,
                name,
                windowSequences,
                windowTokens,
                openTimeout,
                retryFor,
                sequenceTimeout,
                firstBackoff,
                maxBackoff,
                seed,
                bypassCache);
    }

    /** These options with another window. */
    public ClientOptions withWindow(int sequences, long tokens) {
        return new ClientOptions(
                teacher,
                student,
                sequences,
                tokens,
                openTimeout,
                retryFor,
                sequenceTimeout,
                firstBackoff,
                maxBackoff,
                seed,
                bypassCache);
    }

    /** These options with other times to give up after. */
    public ClientOptions withTimeouts(Duration open, Duration retry, Duration sequence) {
        return new ClientOptions(
                teacher,
                student,
                windowSequences,
                windowTokens,
                open,
                retry,
                sequence,
                firstBackoff,
                maxBackoff,
                seed,
                bypassCache);
    }

    /** These options with other delays between reconnections. */
    public ClientOptions withBackoff(Duration first, Duration max, long jitterSeed) {
        return new ClientOptions(
                teacher,
                student,
                windowSequences,
                windowTokens,
                openTimeout,
                retryFor,
                sequenceTimeout,
                first,
                max,
                jitterSeed,
                bypassCache);
    }

    /** These options with servers' caches bypassed or not. */
    public ClientOptions withBypassCache(boolean bypass) {
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
                bypass);
    }

    private static void requirePositive(String field, Duration duration) {
        require(!duration.isNegative() && !duration.isZero(), field, duration, "above 0");
    }

    private static void require(boolean holds, String field, Object value, String expectation) {
        if (!holds) {
            throw new IllegalArgumentException(field + ": " + value + " (expected: " + expectation + ")");
        }
    }
}
