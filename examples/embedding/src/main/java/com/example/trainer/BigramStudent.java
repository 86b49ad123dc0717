package com.example.trainer;

import dev.lyne.row.RowColumns;

/** A student that fits on a page: the next token's logits are a row of a table, chosen by the last token. */
public final class BigramStudent {
    private final float[][] logits; // [vocab, vocab]
    private final double[] probabilities; // of the row in hand

    /** Starts from the uniform distribution. */
    public BigramStudent(int vocabularySize) {
        logits = new float[vocabularySize][vocabularySize];
        probabilities = new double[vocabularySize];
    }

    /**
     * One step of gradient descent on KL(teacher ‖ student) over the kept tokens and one bucket of all others. Its gradient is
     * s_j − t_j for a kept token j, and s_j (1 − t_R / s_R) for any other, with t_R and s_R the masses of the bucket.
     *
     * @param token the last token
     * @param columns the teacher's rows
     * @param row the one to learn from
     * @return the divergence before the step, in nats
     */
    public double learn(int token, RowColumns columns, int row, double rate) {
        int[] ids = columns.ids();
        float[] logProbabilities = columns.logProbabilities();
        float logTailMass = columns.logTailMass()[row]; // −∞ where nothing is left out
        int start = row * columns.stride();
        int count = columns.counts()[row];
        float[] own = logits[token];
        softmax(own);
        double divergence = 0;
        double studentTail = 0;
        for (double probability : probabilities) {
            studentTail += probability;
        }
        for (int i = start; i < start + count; i++) {
            studentTail -= probabilities[ids[i]];
            double teacher = Math.exp(logProbabilities[i]);
            divergence += teacher * (logProbabilities[i] - Math.log(probabilities[ids[i]]));
        }
        studentTail = Math.max(studentTail, 1e-12); // a difference of sums: of rounding alone where all is kept
        double teacherTail = Math.exp(logTailMass);
        if (teacherTail > 0) {
            divergence += teacherTail * (logTailMass - Math.log(studentTail));
        }
        double shrink = 1 - teacherTail / studentTail;
        for (int i = start; i < start + count; i++) {
            own[ids[i]] -= (float) (rate * (probabilities[ids[i]] - Math.exp(logProbabilities[i])));
            probabilities[ids[i]] = 0; // done
        }
        for (int j = 0; j < own.length; j++) {
            own[j] -= (float) (rate * probabilities[j] * shrink);
        }
        return divergence;
    }

    private void softmax(float[] row) {
        double max = Double.NEGATIVE_INFINITY;
        for (float logit : row) {
            max = Math.max(max, logit);
        }
        double sum = 0;
        for (int j = 0; j < row.length; j++) {
            probabilities[j] = Math.exp(row[j] - max);
            sum += probabilities[j];
        }
        for (int j = 0; j < row.length; j++) {
            probabilities[j] /= sum;
        }
    }
}
