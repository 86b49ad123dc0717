package dev.lyne.teacher.engine;

import dev.lyne.row.RowColumns;
import dev.lyne.row.ScoreItem;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Fixed sequences with the rows that they had: what tells one model from another, since engines do not say which weights they hold. It is no
 * hash: weights whose rows differ by less than the tolerance pass.
 *
 * @param toleranceNats how far a log-probability may be off; 0: not by a bit
 * @param references one or more
 */
record Probe(double toleranceNats, List<Reference> references) {
    private static final int SEQUENCES = 4;
    private static final int TOKENS = 32;
    private static final int K = 8;
    private static final long SEED = 0x6c796e65L;

    /**
     * A sequence and the rows that it had.
     *
     * @param tokens x_0 to x_{n−1}
     * @param ids of the k best at each position from 0 on, `[n, k]`; `[n − 1, k]` in files of an older server
     * @param logProbabilities theirs, as many
     * @param labels log-probability of token i + 1 at position i, `[n − 1]`
     */
    @SuppressWarnings("ArrayRecordComponent") // a carrier; never compared
    record Reference(int[] tokens, int[][] ids, float[][] logProbabilities, float[] labels) {
        int k() {
            return ids[0].length;
        }

        /** Asks for twice as many entries, so that a token that falls behind another of nearly its probability is still there. */
        RowsRequest request(int maxK, int vocabularySize) {
            return Probe.request(tokens, ids.length, Math.min(2 * k(), maxK), vocabularySize);
        }
    }

    Probe {
        references = List.copyOf(references);
    }

    /** The sequences of a new probe. */
    static List<RowsRequest> sequences(int maxK, int vocabularySize, int contextLength) {
        SplittableRandom random = new SplittableRandom(SEED);
        int length = Math.min(TOKENS, contextLength);
        List<RowsRequest> sequences = new ArrayList<>();
        for (int i = 0; i < SEQUENCES; i++) {
            int[] tokens = IntStream.range(0, length)
                    .map(unused -> random.nextInt(vocabularySize))
                    .toArray();
            sequences.add(request(tokens, length, Math.min(K, Math.min(maxK, vocabularySize)), vocabularySize));
        }
        return sequences;
    }

    /** The row after the last token is of another part of an engine's answer than the others. */
    private static RowsRequest request(int[] tokens, int rows, int k, int vocabularySize) {
        int[] positions = IntStream.range(0, rows).toArray();
        return new RowsRequest(new ScoreItem(tokens, positions), k, vocabularySize);
    }

    /** Rows as the reference that later ones are compared with. */
    static Reference reference(RowsRequest request, RowColumns rows) {
        int k = request.k();
        int[][] ids = new int[rows.rows()][k];
        float[][] logProbabilities = new float[rows.rows()][k];
        for (int row = 0; row < rows.rows(); row++) {
            System.arraycopy(rows.ids(), row * rows.stride(), ids[row], 0, k);
            System.arraycopy(rows.logProbabilities(), row * rows.stride(), logProbabilities[row], 0, k);
        }
        return new Reference(
                request.item().tokens(),
                ids,
                logProbabilities,
                Arrays.copyOf(rows.labelLogProbability(), request.item().tokens().length - 1));
    }

    /**
     * Returns in a line how rows differ from a sequence's reference; empty where they are the same within the
     * tolerance.
     */
    Optional<String> difference(Reference reference, RowColumns rows) {
        for (int row = 0; row < reference.ids().length; row++) {
            if (row < reference.labels().length
                    && Math.abs(rows.labelLogProbability()[row] - reference.labels()[row]) > toleranceNats) {
                return Optional.of(line(
                        row,
                        reference.tokens()[row + 1],
                        rows.labelLogProbability()[row],
                        reference.labels()[row]));
            }
            for (int i = 0; i < reference.k(); i++) {
                float now = of(rows, row, reference.ids()[row][i]);
                if (!(Math.abs(now - reference.logProbabilities()[row][i]) <= toleranceNats)) {
                    return Optional.of(
                            line(row, reference.ids()[row][i], now, reference.logProbabilities()[row][i]));
                }
            }
        }
        return Optional.empty();
    }

    /** NaN where the token is not among them. */
    private static float of(RowColumns rows, int row, int id) {
        for (int i = row * rows.stride(); i < row * rows.stride() + rows.counts()[row]; i++) {
            if (rows.ids()[i] == id) {
                return rows.logProbabilities()[i];
            }
        }
        return Float.NaN;
    }

    private String line(int position, int token, float now, float reference) {
        return "the probe's token " + token + " at position " + position + " has "
                + (Float.isNaN(now) ? "no place among the best" : "log-probability " + now) + " (expected: " + reference
                + (toleranceNats == 0
                        ? ", to the bit, as --engine-batch-invariant says)"
                        : " within " + toleranceNats + " nats)");
    }
}
