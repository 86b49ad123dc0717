package dev.lyne.lm.training;

import java.util.List;
import java.util.Map;

/**
 * Sequences of one forward and backward, right-padded, with the positions that the loss covers.
 *
 * @param sequences token ids
 * @param positions per sequence, ascending positions t ≤ n − 2 with a loss; rows are numbered in this order, and the label of
 *     a row is token t + 1
 * @param columns what the loss script reads besides the labels, by name
 */
public record TrainingBatch(List<int[]> sequences, List<int[]> positions, Map<String, Column> columns) {}
