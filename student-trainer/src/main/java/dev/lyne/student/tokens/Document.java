package dev.lyne.student.tokens;

import java.util.Optional;

/**
 * One document.
 *
 * @param source where it stands, as {@code file} or {@code file:line}, for messages
 * @param prompt what comes before the text and carries no loss; may be empty
 * @param teacherPrompt what a teacher sees in the prompt's place; absent where it sees the prompt; never empty
 * @param text what is learnt; never empty
 */
public record Document(String source, String prompt, Optional<String> teacherPrompt, String text) {
    public Document {
        if (teacherPrompt.isPresent() && teacherPrompt.get().isEmpty()) {
            throw new IllegalArgumentException(
                    source + ": empty teacher prompt (expected: at least one character, or none)");
        }
        if (text.isEmpty()) {
            throw new IllegalArgumentException(source + ": empty text (expected: at least one character)");
        }
    }

    /** A document that a teacher sees as it is. */
    public Document(String source, String prompt, String text) {
        this(source, prompt, Optional.empty(), text);
    }
}
