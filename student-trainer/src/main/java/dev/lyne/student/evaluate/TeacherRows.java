package dev.lyne.student.evaluate;

import java.util.Arrays;

/**
 * A teacher's rows of one window, in order of position; entries in descending order of probability.
 *
 * @param stride room for entries a row
 * @param counts entries kept, `[rows]`, at least 1 each
 * @param ids `[rows · stride]`
 * @param logProbabilities `[rows · stride]`
 * @param logTailMass log of the mass not kept, `[rows]`
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of columns; contents are never compared
record TeacherRows(int stride, int[] counts, int[] ids, float[] logProbabilities, float[] logTailMass) {
    int rows() {
        return counts.length;
    }

    /** The most probable token of a row. */
    int top(int row) {
        return ids[row * stride];
    }

    /** The tokens that each row keeps. */
    int[][] kept() {
        int[][] kept = new int[rows()][];
        for (int row = 0; row < kept.length; row++) {
            kept[row] = Arrays.copyOfRange(ids, row * stride, row * stride + counts[row]);
        }
        return kept;
    }

    /** Log-probability of a token that a row keeps. */
    double logProbability(int row, int id) {
        for (int entry = row * stride; entry < row * stride + counts[row]; entry++) {
            if (ids[entry] == id) {
                return logProbabilities[entry];
            }
        }
        throw new IllegalArgumentException("row " + row + ": token " + id + " (expected: one that it keeps)");
    }
}
