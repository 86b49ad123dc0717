package dev.lyne.load;

import java.util.SplittableRandom;

/** Random token sequences: a pure function of seed, student and index, so that a run can be repeated. */
final class SequenceGenerator {
    private final LoadProfile profile;
    private final int vocabularySize;

    SequenceGenerator(LoadProfile profile, int vocabularySize) {
        this.profile = profile;
        this.vocabularySize = vocabularySize;
    }

    /** The sequence that a student sends as its {@code index}-th. */
    int[] sequence(int student, long index) {
        var choice = new SplittableRandom(profile.seed() * 0x9e3779b97f4a7c15L + student * 0x632be59bd9b4e019L + index);
        boolean repeated = choice.nextDouble() < profile.repeatedShare();
        return repeated
                ? tokens(new SplittableRandom(profile.seed() ^ (1L << 62) ^ choice.nextInt(profile.poolSequences())))
                : tokens(choice);
    }

    private int[] tokens(SplittableRandom random) {
        return random.ints(profile.tokens(), 0, vocabularySize).toArray();
    }
}
