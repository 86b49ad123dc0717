package dev.lyne.student.rollout;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.lyne.student.tokens.Window;
import dev.lyne.student.tokens.Windows;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A beginning to respond to.
 *
 * @param key what the randomness of its response depends on beside the seed; another in each phase
 * @param tokens token ids, at least one
 * @param reference what the corpus goes on with
 * @param teacherTokens what a teacher sees in the tokens' place; absent where it sees the tokens
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of values; contents are never compared
public record Prompt(
        long key,
        int[] tokens,
        int[] reference,
        @JsonInclude(JsonInclude.Include.NON_NULL) int @Nullable [] teacherTokens) {
    /** A beginning that a teacher sees as it is. */
    public Prompt(long key, int[] tokens, int[] reference) {
        this(key, tokens, reference, null);
    }

    /** A beginning of a corpus. */
    public static Prompt of(long key, Windows.Passage passage) {
        int[] teacher = passage.teacherPrompt();
        return new Prompt(key, passage.prompt(), passage.continuation(), teacher.length == 0 ? null : teacher);
    }

    /** Returns the tokens that a teacher responds to, or judges responses behind. */
    public int[] forTeacher() {
        return teacherTokens == null ? tokens : teacherTokens;
    }

    /** Prompt and response as one sequence with the positions of the response, cut to a context that holds the prompt. */
    public Window with(int[] response, int contextLength) {
        int[] held = Arrays.copyOf(response, Math.min(response.length, contextLength - tokens.length));
        return new Window(
                joined(tokens, held),
                IntStream.range(tokens.length - 1, tokens.length - 1 + held.length)
                        .toArray(),
                teacherTokens == null ? new int[0] : joined(teacherTokens, held));
    }

    private static int[] joined(int[] first, int[] then) {
        int[] all = Arrays.copyOf(first, first.length + then.length);
        System.arraycopy(then, 0, all, first.length, then.length);
        return all;
    }
}
