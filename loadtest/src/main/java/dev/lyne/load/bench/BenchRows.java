package dev.lyne.load.bench;

import dev.lyne.row.Precision;

/**
 * The rows that a benchmark's students ask for.
 *
 * @param k entries a row
 * @param precision how rows are coded
 * @param tokens tokens a sequence
 * @param sequences sequences of a student, or of the pool that hits are asked from
 */
public record BenchRows(int k, Precision precision, int tokens, int sequences) {
    Order.Workload workload(long round) {
        return new Order.Workload(round, sequences, tokens, k, precision, 1);
    }
}
