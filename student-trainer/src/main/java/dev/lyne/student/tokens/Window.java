package dev.lyne.student.tokens;

/**
 * A stretch of one document, scored by the teacher and trained by the student as one sequence.
 *
 * @param tokens token ids, 2 to context of them
 * @param positions ascending positions t ≤ n − 2 whose next token carries loss; never empty
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of values; contents are never compared
public record Window(int[] tokens, int[] positions) {}
