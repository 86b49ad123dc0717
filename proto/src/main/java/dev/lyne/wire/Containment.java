package dev.lyne.wire;

import java.util.HashSet;

/** Which stored rows answer which requests: the one place that decides it. */
public final class Containment {
    private static final double REACHED = 1e-12;

    private Containment() {}

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
        if (wanted instanceof Selection.DataOnly) {
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
                    && (asked.k() <= k || keptMass >= asked.p() - REACHED);
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

    /** Entries of the shortest prefix of a row whose mass reaches p, at most {@code most}. */
    static int prefix(TargetBlock block, int row, double p, int most) {
        double mass = 0;
        int count = 0;
        int from = block.offsets()[row];
        while (count < most && mass < p - REACHED) {
            mass += Math.exp(block.logProbabilities()[from + count++]);
        }
        return count;
    }

    private static boolean isPlainPrefix(Selection selection) {
        return selection instanceof Selection.TopK || selection instanceof Selection.TopFraction;
    }
}
