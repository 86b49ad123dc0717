package dev.lyne.client;

import java.util.Set;

/**
 * Settings that a teacher's decoding is opened with.
 *
 * @param temperature of the proposal, which tokens are drawn from; 0 takes the most probable token
 * @param topP probability that the most probable tokens have to reach to be the proposal, in (0, 1]
 * @param seed of the draws
 * @param stopIds tokens that end a run of draws, at most 64
 * @param expectation the teacher meant
 * @param sameBits whether all replicas must have one execution fingerprint
 */
public record DecodeSettings(
        double temperature,
        double topP,
        long seed,
        Set<Integer> stopIds,
        TeacherExpectation expectation,
        boolean sameBits) {
    public DecodeSettings {
        if (!(temperature >= 0) || Double.isInfinite(temperature)) {
            throw new IllegalArgumentException("temperature: " + temperature + " (expected: finite, 0 or more)");
        }
        if (!(topP > 0 && topP <= 1)) {
            throw new IllegalArgumentException("top_p: " + topP + " (expected: above 0, at most 1)");
        }
        stopIds = Set.copyOf(stopIds);
    }

    /** Draws from the teacher itself, whichever it is and wherever it is computed. */
    public static DecodeSettings plain(long seed, Set<Integer> stopIds) {
        return new DecodeSettings(1, 1, seed, stopIds, TeacherExpectation.any(), false);
    }

    /** Whether tokens are drawn from the teacher itself. */
    public boolean isPlain() {
        return temperature == 1 && topP == 1;
    }
}
