package dev.lyne.client;

import dev.lyne.row.Selection;
import dev.lyne.wire.Positions;
import java.util.Arrays;

/**
 * A sequence to get targets for. The teacher may see another beginning than the student (privileged context): then it is asked about its own
 * tokens, and its rows come back on the student's positions. Both texts end alike, so that one shift takes the student's positions to
 * the teacher's; every token from the first label on must be the same in both, which a wrong shift contradicts.
 *
 * @param id the student's own name for it, as its index in corpus order; shown in errors, need not be unique
 * @param tokens x_0 to x_{n−1}, n at least 1; not to be changed any more
 * @param positions wanted positions, ascending, at least one, each in 0..n−1; not to be changed any more
 * @param chosen distinct token ids wanted at each position, `[positions][at most k]`, where the stream's selection is {@link
 *     Selection.Chosen}; empty where it is not; not to be changed any more
 * @param teacherTokens what the teacher sees in place of the tokens; empty stands for the tokens themselves; not to be changed any more
 */
@SuppressWarnings("ArrayRecordComponent") // identity is what callers need; contents are never compared
public record TargetSequence(long id, int[] tokens, int[] positions, int[][] chosen, int[] teacherTokens) {
    public TargetSequence {
        if (tokens.length == 0) {
            throw new IllegalArgumentException("sequence " + id + ": 0 tokens (expected: at least 1)");
        }
        if (positions.length == 0) {
            throw new IllegalArgumentException("sequence " + id + ": 0 positions (expected: at least 1)");
        }
        int least = 0;
        for (int position : positions) {
            if (position < least || position >= tokens.length) {
                throw new IllegalArgumentException("sequence " + id + ": position " + position
                        + " (expected: ascending, " + least + ".." + (tokens.length - 1) + ")");
            }
            least = position + 1;
        }
        if (chosen.length != 0 && chosen.length != positions.length) {
            throw new IllegalArgumentException("sequence " + id + ": tokens chosen at " + chosen.length
                    + " positions (expected: at none, or at each of " + positions.length + ")");
        }
        if (teacherTokens.length == 0) {
            teacherTokens = tokens;
        }
        requireSameLabels(id, tokens, positions[0], teacherTokens);
        for (int row = 0; row < chosen.length; row++) {
            int[] sorted = chosen[row].clone();
            Arrays.sort(sorted);
            for (int i = 1; i < sorted.length; i++) {
                if (sorted[i] == sorted[i - 1]) {
                    throw new IllegalArgumentException("sequence " + id + ", position " + positions[row] + ": token "
                            + sorted[i] + " chosen twice (expected: distinct tokens)");
                }
            }
        }
    }

    /** A sequence that the teacher sees as it is. */
    public TargetSequence(long id, int[] tokens, int[] positions, int[][] chosen) {
        this(id, tokens, positions, chosen, new int[0]);
    }

    /** A sequence for a stream whose teacher selects. */
    public TargetSequence(long id, int[] tokens, int[] positions) {
        this(id, tokens, positions, new int[0][]);
    }

    private static void requireSameLabels(long id, int[] tokens, int firstPosition, int[] teacherTokens) {
        if (teacherTokens == tokens) {
            return;
        }
        int shift = teacherTokens.length - tokens.length;
        if (firstPosition + shift < 0) {
            throw new IllegalArgumentException("sequence " + id + ": " + teacherTokens.length
                    + " tokens of the teacher's (expected: at least " + (tokens.length - firstPosition)
                    + ", as both end with what follows position " + firstPosition + ")");
        }
        for (int t = firstPosition + 1; t < tokens.length; t++) {
            if (teacherTokens[t + shift] != tokens[t]) {
                throw new IllegalArgumentException("sequence " + id + ": the teacher's token " + (t + shift) + " is "
                        + teacherTokens[t + shift] + " (expected: " + tokens[t] + ", the student's token " + t
                        + ", as both end with what follows position " + firstPosition + ")");
            }
        }
    }

    /** Returns the offset from the student's positions to the teacher's, where the same token follows. */
    public int shift() {
        return teacherTokens.length - tokens.length;
    }

    /** The positions in the teacher's tokens. */
    public int[] teacherPositions() {
        int shift = shift();
        return shift == 0
                ? positions
                : Arrays.stream(positions).map(position -> position + shift).toArray();
    }

    /** A sequence of at least two tokens with every position that has a label, 0 to n − 2. */
    public static TargetSequence whole(long id, int[] tokens) {
        if (tokens.length < 2) {
            throw new IllegalArgumentException(
                    "sequence " + id + ": " + tokens.length + " tokens (expected: at least 2)");
        }
        return new TargetSequence(id, tokens, Positions.withLabels(tokens.length));
    }

    /** Refuses tokens, positions or choices that a teacher of this size cannot answer under this selection. */
    void requireFits(TeacherDescription teacher, Selection selection) {
        if (teacherTokens.length > teacher.contextLength()) {
            throw new IllegalArgumentException("sequence " + id + ": " + teacherTokens.length + " tokens"
                    + (teacherTokens == tokens ? "" : " of the teacher's") + " (expected: 1..context_length="
                    + teacher.contextLength() + ")");
        }
        for (int t = 0; t < teacherTokens.length; t++) {
            requireId(teacherTokens[t], "at " + t, teacher);
        }
        if ((chosen.length != 0) != selection.keepsChosen()) {
            throw new IllegalArgumentException("sequence " + id + ": tokens chosen at " + chosen.length
                    + " positions (expected: "
                    + (chosen.length == 0
                            ? "at each of " + positions.length
                            : "at none, as the stream's selection is " + selection)
                    + ")");
        }
        for (int row = 0; row < chosen.length; row++) {
            if (chosen[row].length > selection.mostEntries(teacher.vocabularySize())) {
                throw new IllegalArgumentException(
                        "sequence " + id + ", position " + positions[row] + ": " + chosen[row].length
                                + " tokens chosen (expected: at most k="
                                + selection.mostEntries(teacher.vocabularySize()) + ")");
            }
            for (int token : chosen[row]) {
                requireId(token, "chosen at position " + positions[row], teacher);
            }
        }
    }

    private void requireId(int token, String where, TeacherDescription teacher) {
        if (token < 0 || token >= teacher.vocabularySize()) {
            throw new IllegalArgumentException("sequence " + id + ": token " + token + " " + where + " (expected: 0.."
                    + (teacher.vocabularySize() - 1) + ")");
        }
    }
}
