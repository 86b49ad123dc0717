package dev.lyne.wire;

import dev.lyne.row.RowColumns;
import java.util.HashMap;
import java.util.Map;

/**
 * How far decoded rows are from exact ones.
 *
 * @param meanDivergence mean KL divergence of the bucketed rows, nats
 * @param largestEntryError of a kept log-probability, nats
 * @param largestTailError of a log tail mass, nats
 * @param largestMassError of the sum of a row's masses
 */
record RowErrors(double meanDivergence, double largestEntryError, double largestTailError, double largestMassError) {
    /** Compares a block with the columns that it came from; throws where the ids or draw counts differ. */
    static RowErrors between(RowColumns exact, int from, TargetBlock block) {
        double divergence = 0;
        double entryError = 0;
        double tailError = 0;
        double massError = 0;
        for (int row = 0; row < block.rows(); row++) {
            Map<Integer, Integer> placeOf = new HashMap<>();
            double mass = Math.exp(block.logTailMass()[row]);
            for (int i = block.offsets()[row]; i < block.offsets()[row + 1]; i++) {
                placeOf.put(block.ids()[i], i);
                mass += Math.exp(block.logProbabilities()[i]);
            }
            massError = Math.max(massError, Math.abs(mass - 1));
            int start = (from + row) * exact.stride();
            int count = exact.counts()[from + row];
            if (placeOf.size() != count || block.count(row) != count) {
                throw new AssertionError("row " + row + ": " + placeOf.size() + " ids (expected: " + count + ")");
            }
            for (int i = start; i < start + count; i++) {
                int place = placeOf.getOrDefault(exact.ids()[i], -1);
                if (place < 0
                        || (exact.drawCounts().length > 0 && block.drawCounts()[place] != exact.drawCounts()[i])) {
                    throw new AssertionError("row " + row + ": id " + exact.ids()[i] + " missing or drawn otherwise");
                }
                double error = exact.logProbabilities()[i] - block.logProbabilities()[place];
                divergence += Math.exp(exact.logProbabilities()[i]) * error;
                entryError = Math.max(entryError, Math.abs(error));
            }
            float tail = exact.logTailMass()[from + row];
            if (tail != Float.NEGATIVE_INFINITY) {
                double error = tail - block.logTailMass()[row];
                divergence += Math.exp(tail) * error;
                tailError = Math.max(tailError, Math.abs(error));
            }
        }
        return new RowErrors(divergence / block.rows(), entryError, tailError, massError);
    }
}
