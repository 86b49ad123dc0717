package dev.lyne.load;

import dev.lyne.wire.Selection;
import java.time.Duration;

/**
 * What every student of a load run does.
 *
 * @param students students, each with a connection and a stream of its own
 * @param window sequences a student keeps in flight
 * @param tokens tokens a sequence, at least 2
 * @param selection which entries of each row are asked for
 * @param repeatedShare share of sequences drawn from a pool that all students have in common, 0 to 1
 * @param poolSequences sequences in that pool
 * @param warmUp time before anything counts
 * @param duration time that counts
 * @param seed seed of every token id drawn
 */
public record LoadProfile(
        int students,
        int window,
        int tokens,
        Selection selection,
        double repeatedShare,
        int poolSequences,
        Duration warmUp,
        Duration duration,
        long seed) {
    public LoadProfile {
        require(students >= 1, "students", students, "at least 1");
        require(window >= 1, "window", window, "at least 1");
        require(tokens >= 2, "tokens", tokens, "at least 2");
        require(repeatedShare >= 0 && repeatedShare <= 1, "repeated", repeatedShare, "0..1");
        require(poolSequences >= 1, "pool", poolSequences, "at least 1");
        require(!duration.isNegative() && !duration.isZero(), "duration", duration, "above 0");
        require(!warmUp.isNegative(), "warm_up", warmUp, "at least 0");
    }

    private static void require(boolean holds, String field, Object value, String expectation) {
        if (!holds) {
            throw new IllegalArgumentException(field + ": " + value + " (expected: " + expectation + ")");
        }
    }
}
