package dev.lyne.teacher.decode;

/**
 * Answers to some of a session's sequences, by column: of each first the tokens that the student took, then those that were drawn.
 *
 * @param sequences which, by number
 * @param takenCounts tokens taken of each
 * @param drawnCounts tokens drawn of each
 * @param drawnIds the tokens drawn, one sequence after another
 * @param logProbabilities of all these tokens, at temperature 1
 * @param proposalLogProbabilities of the same, under the proposal; empty where the proposal is the teacher itself
 * @param ended sequences that are owed nothing more
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of columns; contents are never compared
public record DecodedColumns(
        int[] sequences,
        int[] takenCounts,
        int[] drawnCounts,
        int[] drawnIds,
        float[] logProbabilities,
        float[] proposalLogProbabilities,
        int[] ended) {}
