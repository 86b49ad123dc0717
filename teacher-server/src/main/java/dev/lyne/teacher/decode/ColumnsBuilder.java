package dev.lyne.teacher.decode;

import java.util.Arrays;

/** Answers to a session in the making, a sequence after another. Owned by one thread. */
final class ColumnsBuilder {
    private final boolean plain;
    private int[] sequences = new int[8];
    private int[] takenCounts = new int[8];
    private int[] drawnCounts = new int[8];
    private int count;
    private int[] drawnIds = new int[8];
    private int drawn;
    private float[] logProbabilities = new float[8];
    private float[] under = new float[8];
    private int answered;
    private int[] ended = new int[0];

    /** @param plain whether the proposal is the teacher itself */
    ColumnsBuilder(boolean plain) {
        this.plain = plain;
    }

    /** Begins a sequence's answers. */
    void begin(int sequence) {
        if (count == sequences.length) {
            sequences = Arrays.copyOf(sequences, 2 * count);
            takenCounts = Arrays.copyOf(takenCounts, 2 * count);
            drawnCounts = Arrays.copyOf(drawnCounts, 2 * count);
        }
        sequences[count++] = sequence;
    }

    void taken(double logProbability, double underProposal) {
        takenCounts[count - 1]++;
        answer(logProbability, underProposal);
    }

    void drawn(int id, double logProbability, double underProposal) {
        drawnCounts[count - 1]++;
        if (drawn == drawnIds.length) {
            drawnIds = Arrays.copyOf(drawnIds, 2 * drawn);
        }
        drawnIds[drawn++] = id;
        answer(logProbability, underProposal);
    }

    private void answer(double logProbability, double underProposal) {
        if (answered == logProbabilities.length) {
            logProbabilities = Arrays.copyOf(logProbabilities, 2 * answered);
            under = Arrays.copyOf(under, 2 * answered);
        }
        logProbabilities[answered] = (float) logProbability;
        under[answered++] = (float) underProposal;
    }

    void ended(int sequence) {
        ended = Arrays.copyOf(ended, ended.length + 1);
        ended[ended.length - 1] = sequence;
    }

    boolean isEmpty() {
        return count == 0 && ended.length == 0;
    }

    int takenTokens() {
        return answered - drawn;
    }

    int drawnTokens() {
        return drawn;
    }

    DecodedColumns build() {
        return new DecodedColumns(
                Arrays.copyOf(sequences, count),
                Arrays.copyOf(takenCounts, count),
                Arrays.copyOf(drawnCounts, count),
                Arrays.copyOf(drawnIds, drawn),
                Arrays.copyOf(logProbabilities, answered),
                Arrays.copyOf(under, plain ? 0 : answered),
                ended);
    }
}
