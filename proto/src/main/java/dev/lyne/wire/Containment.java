package dev.lyne.wire;

import java.util.HashSet;

/** Which stored rows answer which requests: the one place that decides it. */
public final class Containment {
    /** A cumulative probability reaches p within this. */
    private static final double REACHED = 1e-12;

    /** And within this part of 1 − p, since it is a sum of probabilities whose logarithms are rounded to 32 bits. */
    private static final double ROUNDED = 4e-7;

    private Containment() {}

    /**
     * Whether rows of a selection, coded in a precision, answer a request for rows of another with exactly the ids that fresh rows would
     * have, and within the precision. {@linkplain #contains Exact rows} do where they hold all that is wanted. Compact rows know the
     * order of their entries at the {@linkplain Cuts cuts} alone, and rounded masses do not decide how many entries reach p; so they
     * answer for as many entries as they have, a cut, or none. Half rows answer for their very entries alone: a sum of rounded entries
     * is further off than one.
     *
     * @param keptMass smallest kept mass of the stored rows at temperature 1; 0 where it is not known
     */
    public static boolean answers(
            Selection held, Selection wanted, Precision precision, int vocabularySize, double keptMass) {
        if (!contains(held, wanted, vocabularySize, keptMass)) {
            return false;
        }
        boolean same = wanted.withTemperatures(held.temperatures()).equals(held);
        return switch (precision) {
            case EXACT -> true;
            case HALF -> same;
            case COMPACT -> same || wanted instanceof Selection.LabelOnly || isCut(held, wanted, vocabularySize);
        };
    }

    private static boolean isCut(Selection held, Selection wanted, int vocabularySize) {
        int most = wanted.mostEntries(vocabularySize);
        boolean counted = isPlainPrefix(held) && isPlainPrefix(wanted)
                || held instanceof Selection.TopPK has
                        && wanted instanceof Selection.TopPK asked
                        && has.p() == asked.p();
        return counted && (most == held.mostEntries(vocabularySize) || Cuts.isCut(most));
    }

    /**
     * Whether rows of a selection hold all that rows of another would. Temperatures asked for have to be held. A prefix of the k most
     * probable tokens holds every shorter one: top-k holds top-k′ for k′ ≤ k, and top-p′-k′ where k′ ≤ k or where every row's kept
     * mass reaches p′; top-p-k holds top-p′-k′ for p′ ≤ p and k′ ≤ k, the mass taken at the same temperature. Draws and chosen ids
     * hold their equals alone, chosen ids given that the same were chosen, which the caller knows. A fraction of a vocabulary counts as the k that it is.
     *
     * @param keptMass smallest kept mass of the stored rows at temperature 1; 0 where it is not known
     */
    public static boolean contains(Selection held, Selection wanted, int vocabularySize, double keptMass) {
        if (!new HashSet<>(held.temperatures()).containsAll(wanted.temperatures())) {
            return false;
        }
        if (wanted instanceof Selection.LabelOnly) {
            return !(held instanceof Selection.Draws) && !(held instanceof Selection.Chosen);
        }
        if (held instanceof Selection.Draws has && wanted instanceof Selection.Draws asked) {
            return has.draws() == asked.draws() && has.head() == asked.head() && has.seed() == asked.seed();
        }
        if (held instanceof Selection.Chosen has && wanted instanceof Selection.Chosen asked) {
            return has.k() == asked.k();
        }
        if (isPlainPrefix(held)) {
            int k = held.mostEntries(vocabularySize);
            if (isPlainPrefix(wanted)) {
                return wanted.mostEntries(vocabularySize) <= k;
            }
            return wanted instanceof Selection.TopPK asked
                    && asked.truncationTemperature() == 1f
                    && (asked.k() <= k || keptMass >= reached(asked.p()));
        }
        return held instanceof Selection.TopPK has
                && wanted instanceof Selection.TopPK asked
                && has.truncationTemperature() == asked.truncationTemperature()
                && asked.k() <= has.k()
                && (asked.p() == has.p() || (asked.p() < has.p() && asked.truncationTemperature() == 1f));
    }

    /** Whether the ascending positions that are held include all that are wanted. */
    public static boolean containsPositions(int[] held, int[] wanted) {
        int next = 0;
        for (int position : wanted) {
            while (next < held.length && held[next] < position) {
                next++;
            }
            if (next == held.length || held[next] != position) {
                return false;
            }
        }
        return true;
    }

    /** Smallest kept mass of a block's rows. */
    public static double keptMass(TargetBlock block) {
        double smallest = 1;
        for (int row = 0; row < block.rows(); row++) {
            smallest =
                    Math.min(smallest, mass(block.logProbabilities(), block.offsets()[row], block.offsets()[row + 1]));
        }
        return smallest;
    }

    /** Smallest kept mass of rows that are yet to be encoded. */
    public static double keptMass(RowColumns columns) {
        double smallest = 1;
        for (int row = 0; row < columns.counts().length; row++) {
            int from = row * columns.stride();
            smallest = Math.min(smallest, mass(columns.logProbabilities(), from, from + columns.counts()[row]));
        }
        return smallest;
    }

    private static double mass(float[] logProbabilities, int from, int to) {
        double mass = 0;
        for (int i = from; i < to; i++) {
            mass += Math.exp(logProbabilities[i]);
        }
        return mass;
    }

    /** The cumulative probability that counts as having reached p. */
    private static double reached(double p) {
        return p - REACHED - ROUNDED * (1 - p);
    }

    /**
     * Entries of the shortest prefix whose mass at temperature 1 reaches p, at most {@code most}: what fresh rows and those cut from
     * wider ones keep alike.
     *
     * @param logProbabilities exact, in descending order from {@code from} on
     */
    static int prefix(float[] logProbabilities, int from, double p, int most) {
        double mass = 0;
        int count = 0;
        while (count < most && mass < reached(p)) {
            mass += Math.exp(logProbabilities[from + count++]);
        }
        return count;
    }

    private static boolean isPlainPrefix(Selection selection) {
        return selection instanceof Selection.TopK || selection instanceof Selection.TopFraction;
    }
}
