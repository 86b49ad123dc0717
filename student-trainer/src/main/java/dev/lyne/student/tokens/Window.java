package dev.lyne.student.tokens;

import java.util.Arrays;

/**
 * A stretch of one document, scored by the teacher and trained by the student as one sequence.
 *
 * @param tokens token ids, 2 to context of them
 * @param positions ascending positions t ≤ n − 2 whose next token carries loss; never empty
 * @param teacherTokens what a teacher sees in the tokens' place, the end of which is the same; empty where it sees the tokens
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of values; contents are never compared
public record Window(int[] tokens, int[] positions, int[] teacherTokens) {
    /** A window that a teacher sees as it is. */
    public Window(int[] tokens, int[] positions) {
        this(tokens, positions, new int[0]);
    }

    /** The window as a teacher sees it, with the positions of the same labels. */
    public Window forTeacher() {
        if (teacherTokens.length == 0) {
            return this;
        }
        int shift = teacherTokens.length - tokens.length;
        return new Window(
                teacherTokens,
                Arrays.stream(positions).map(position -> position + shift).toArray());
    }
}
