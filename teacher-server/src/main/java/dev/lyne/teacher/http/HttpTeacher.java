package dev.lyne.teacher.http;

import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.model.TextCodec;
import dev.lyne.teacher.score.Scorer;
import java.util.Optional;

/**
 * A teacher that can be asked for over HTTP.
 *
 * @param sequences the stage that answers its sequences
 * @param text its tokenizer, where it has one
 */
public record HttpTeacher(TeacherDescription description, Scorer sequences, Optional<TextCodec> text) {
    int maxK(int limit) {
        return Math.min(Math.min(limit, sequences.maxK()), description.vocabularySize());
    }

    /** Token ids of a text, which is refused unread where it has more than fit. May take long: not for an event loop. */
    int[] encode(String prompt, boolean specialTokens) throws BadRequest {
        if (text.isEmpty()) {
            throw new BadRequest("prompt", "prompt: text (expected: token ids; the teacher has no tokenizer)");
        }
        long most = (long) description.contextLength() * text.get().longestToken();
        if (prompt.length() > most) {
            throw new BadRequest(
                    "prompt",
                    "prompt: text of " + prompt.length() + " characters (expected: at most " + most
                            + ", context_length=" + description.contextLength() + " of the longest token's)");
        }
        try {
            return text.get().encode(prompt, specialTokens);
        } catch (IllegalArgumentException e) {
            throw new BadRequest("prompt", "prompt: " + e.getMessage());
        }
    }
}
