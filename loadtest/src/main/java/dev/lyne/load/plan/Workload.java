package dev.lyne.load.plan;

import java.util.SplittableRandom;

/**
 * Work of the students.
 *
 * @param students how many
 * @param rhythm when each asks and computes
 * @param sequences what each asks for
 * @param seed seed of orders, pauses and picks
 */
public record Workload(int students, Rhythm rhythm, Sequences sequences, long seed) {
    private static final double MOST_SECONDS = 1e6;

    public Workload {
        require(students >= 1, "students", students, "1 or more");
    }

    /**
     * When a student asks and computes.
     *
     * @param stepSeconds time that a student computes on a step's rows, without waiting for any
     * @param sequencesPerStep sequences that a step needs, all of them
     * @param windowSequences sequences a student keeps asked for or ready, at least those of a step
     * @param thinkSeconds mean of an exponential pause of each place of the window after its answer, as load's students make; 0 for none
     * @param staggerSeconds time between the starts of students
     */
    public record Rhythm(
            double stepSeconds, int sequencesPerStep, int windowSequences, double thinkSeconds, double staggerSeconds) {
        public Rhythm {
            require(stepSeconds >= 0 && stepSeconds <= MOST_SECONDS, "step_seconds", stepSeconds, "0..1e6");
            require(sequencesPerStep >= 1, "sequences_per_step", sequencesPerStep, "1 or more");
            require(
                    windowSequences >= sequencesPerStep,
                    "window",
                    windowSequences,
                    "sequences_per_step=" + sequencesPerStep + " or more");
            require(thinkSeconds >= 0 && thinkSeconds <= MOST_SECONDS, "think", thinkSeconds, "0..1e6");
            require(staggerSeconds >= 0 && staggerSeconds <= MOST_SECONDS, "stagger", staggerSeconds, "0..1e6");
        }
    }

    /**
     * Sequences that a student asks for.
     *
     * @param tokens tokens a sequence
     * @param positions positions wanted of it
     * @param corpusSequences sequences of the corpus that all students go through over and over; 0 for no corpus but fresh sequences
     * @param sameOrder whether all students go through it in one order, or each in its own
     * @param repeatedShare where there is no corpus: share of sequences from a pool in common
     * @param poolSequences sequences in that pool
     */
    public record Sequences(
            int tokens,
            int positions,
            long corpusSequences,
            boolean sameOrder,
            double repeatedShare,
            int poolSequences) {
        public Sequences {
            require(tokens >= 2, "tokens", tokens, "2 or more");
            require(positions >= 1 && positions <= tokens, "positions", positions, "1..tokens=" + tokens);
            require(
                    corpusSequences >= 0 && corpusSequences <= 1L << 31,
                    "corpus_sequences",
                    corpusSequences,
                    "0..2^31");
            require(repeatedShare >= 0 && repeatedShare <= 1, "repeated", repeatedShare, "0..1");
            require(poolSequences >= 1, "pool", poolSequences, "1 or more");
        }
    }

    /** Positions a second that keep every student computing. */
    public double positionsPerSecondWanted() {
        return rhythm.stepSeconds() == 0
                ? Double.POSITIVE_INFINITY
                : (double) students * rhythm.sequencesPerStep() * sequences.positions() / rhythm.stepSeconds();
    }

    /** Devices that compute all that is wanted, if nothing is shared and they never wait; infinite where students compute nothing. */
    double devicesAtLeast(TeacherCost cost) {
        return positionsPerSecondWanted() * sequences.tokens() / sequences.positions() / cost.tokensPerSecond();
    }

    /** Returns the key of a student's {@code index}-th request: equal keys are equal sequences. */
    long key(int student, long index, SplittableRandom random) {
        if (sequences.corpusSequences() > 0) {
            long order = sequences.sameOrder() ? 0 : student + 1;
            long epoch = index / sequences.corpusSequences();
            return order == 0 && epoch == 0
                    ? index
                    : Orders.place(
                            index % sequences.corpusSequences(),
                            sequences.corpusSequences(),
                            seed + order * 7_919 + epoch);
        }
        return random.nextDouble() < sequences.repeatedShare()
                ? random.nextInt(sequences.poolSequences())
                : Integer.MAX_VALUE + ((long) student << 36) + index;
    }

    private static void require(boolean holds, String name, Object value, String expectation) {
        if (!holds) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: " + expectation + ")");
        }
    }
}
