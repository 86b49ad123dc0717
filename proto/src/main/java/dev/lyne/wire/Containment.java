package dev.lyne.wire;

import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;

/**
 * Rule by which coded rows answer requests: as {@linkplain Selection#contains selections contain each other}, as far as
 * each precision tells.
 */
public final class Containment {
    private Containment() {}

    /**
     * Whether rows of a selection, coded in a precision, answer a request for rows of another with exactly the ids that fresh rows would
     * have, and within the precision. Exact rows do where they hold all that is wanted. Compact rows know the
     * order of their entries at the {@linkplain Cuts cuts} alone, and rounded masses do not decide how many entries reach p; so they
     * answer for as many entries as they have, a cut, or none. Half rows answer for their very entries alone: a sum of rounded entries
     * is further off than one.
     *
     * @param keptMass smallest kept mass of the stored rows at temperature 1; 0 where it is not known
     */
    public static boolean answers(
            Selection held, Selection wanted, Precision precision, int vocabularySize, double keptMass) {
        if (!held.contains(wanted, vocabularySize, keptMass)) {
            return false;
        }
        boolean same = wanted.withTemperatures(held.temperatures()).equals(held);
        return switch (precision) {
            case EXACT -> true;
            case HALF -> same;
            case COMPACT -> same || wanted.mostEntries(vocabularySize) == 0 || isCut(held, wanted, vocabularySize);
        };
    }

    private static boolean isCut(Selection held, Selection wanted, int vocabularySize) {
        int most = wanted.mostEntries(vocabularySize);
        return held.differsInNumberAlone(wanted) && (most == held.mostEntries(vocabularySize) || Cuts.isCut(most));
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
}
