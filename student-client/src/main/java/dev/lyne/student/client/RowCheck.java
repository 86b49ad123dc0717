package dev.lyne.student.client;

import dev.lyne.wire.Selection;
import dev.lyne.wire.TargetBlock;
import java.util.Arrays;

/**
 * The alignment check of single rows: a row that was shifted, swapped or altered contradicts the data token that it comes
 * with, or itself. Owned by the callbacks of one call, because it keeps a mark for each token id.
 */
final class RowCheck {
    /** Rounding allowed between masses that the teacher summed in float32 and their sums in float64 here. */
    static final double MASS_TOLERANCE = 1e-4;

    private final int[] lastRowWithId;
    private int rowNumber;

    RowCheck(int vocabularySize) {
        lastRowWithId = new int[vocabularySize];
    }

    /** Throws unless the row is a prefix of a distribution that agrees with the data token after its position. */
    void requireConsistent(TargetSequence sequence, BlockIdentity identity, TargetBlock block, int row) {
        int position = block.header().positions()[row];
        int from = block.offsets()[row];
        int to = block.offsets()[row + 1];
        boolean hasData = position + 1 < sequence.tokens().length;
        float data = block.dataLogProbability()[row];
        if (hasData != Float.isFinite(data)) {
            throw misaligned(
                    sequence,
                    position,
                    "data log-probability " + data,
                    hasData ? "finite" : "none past the last token");
        }
        double kept = requireDistinctDescending(sequence, block, position, from, to);
        requireCount(sequence, identity, position, to - from);
        double tail = Math.exp(block.logTailMass()[row]);
        if (Math.abs(kept + tail - 1) > MASS_TOLERANCE) {
            throw misaligned(
                    sequence,
                    position,
                    "kept mass " + kept + " and tail mass " + tail,
                    "1 in all, within " + MASS_TOLERANCE);
        }
        if (hasData) {
            requireDataAgrees(sequence, block, row, position, from, to);
        }
        requireOffsets(sequence, identity, block, row, position);
    }

    private double requireDistinctDescending(
            TargetSequence sequence, TargetBlock block, int position, int from, int to) {
        rowNumber = nextRowNumber();
        double kept = 0;
        float above = (float) MASS_TOLERANCE;
        for (int i = from; i < to; i++) {
            int id = block.ids()[i];
            float logProbability = block.logProbabilities()[i];
            if (!(logProbability <= above) || Float.isInfinite(logProbability)) {
                throw misaligned(
                        sequence,
                        position,
                        "log-probability " + logProbability + " of token " + id,
                        "finite, at most " + above);
            }
            if (lastRowWithId[id] == rowNumber) {
                throw misaligned(sequence, position, "token " + id + " twice", "distinct tokens");
            }
            lastRowWithId[id] = rowNumber;
            above = logProbability;
            kept += Math.exp(logProbability);
        }
        return kept;
    }

    private static void requireCount(TargetSequence sequence, BlockIdentity identity, int position, int count) {
        int k = identity.selection().mostEntries(identity.vocabularySize());
        boolean fits = identity.selection() instanceof Selection.TopK ? count == k : count >= 1 && count <= k;
        if (!fits) {
            throw misaligned(
                    sequence,
                    position,
                    count + " entries",
                    identity.selection() instanceof Selection.TopK ? "" + k : "1.." + k);
        }
    }

    /** Both selections keep a prefix in descending order, so a data token left out is no likelier than the last one kept. */
    private void requireDataAgrees(
            TargetSequence sequence, TargetBlock block, int row, int position, int from, int to) {
        int token = sequence.tokens()[position + 1];
        float data = block.dataLogProbability()[row];
        if (lastRowWithId[token] == rowNumber) {
            for (int i = from; i < to; i++) {
                float entry = block.logProbabilities()[i];
                if (block.ids()[i] == token && Float.floatToIntBits(entry) != Float.floatToIntBits(data)) {
                    throw misaligned(
                            sequence,
                            position,
                            "data log-probability " + data,
                            entry + ", that of its token " + token + " in the row");
                }
            }
            return;
        }
        float smallest = block.logProbabilities()[to - 1];
        if (data > smallest) {
            throw misaligned(
                    sequence,
                    position,
                    "data log-probability " + data + " of token " + token + ", which is not kept",
                    "at most the smallest kept, " + smallest);
        }
        double tail = Math.exp(block.logTailMass()[row]);
        if (Math.exp(data) > tail * (1 + MASS_TOLERANCE) + MASS_TOLERANCE * 0.01) {
            throw misaligned(
                    sequence,
                    position,
                    "data log-probability " + data + " of token " + token + ", which is not kept",
                    "at most the log tail mass, " + block.logTailMass()[row]);
        }
    }

    /** exp(lp/τ + c_τ) over the kept tokens is part of a distribution, and the whole of it where nothing is left out. */
    private static void requireOffsets(
            TargetSequence sequence, BlockIdentity identity, TargetBlock block, int row, int position) {
        int temperatures = identity.selection().temperatures().size();
        for (int i = 0; i < temperatures; i++) {
            float temperature = identity.selection().temperatures().get(i);
            float offset = block.temperatureOffsets()[row * temperatures + i];
            double mass = 0;
            for (int entry = block.offsets()[row]; entry < block.offsets()[row + 1]; entry++) {
                mass += Math.exp((double) block.logProbabilities()[entry] / temperature + offset);
            }
            boolean whole = block.logTailMass()[row] == Float.NEGATIVE_INFINITY
                    && block.count(row) == identity.vocabularySize();
            double tolerance = MASS_TOLERANCE * Math.max(1, 1 / temperature);
            if (!(mass <= 1 + tolerance) || !(mass > 0) || (whole && mass < 1 - tolerance)) {
                throw misaligned(
                        sequence,
                        position,
                        "c_τ " + offset + " at temperature " + temperature + ", which gives the kept tokens mass "
                                + mass,
                        whole ? "1, all being kept" : "above 0, at most 1");
            }
        }
    }

    private int nextRowNumber() {
        if (rowNumber == Integer.MAX_VALUE) {
            Arrays.fill(lastRowWithId, 0);
            return 1;
        }
        return rowNumber + 1;
    }

    private static MisalignedTargetsException misaligned(
            TargetSequence sequence, int position, String found, String expected) {
        return new MisalignedTargetsException(sequence.id(), position, found, expected);
    }
}
