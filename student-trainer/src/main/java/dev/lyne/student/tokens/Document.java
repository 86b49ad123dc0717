package dev.lyne.student.tokens;

/**
 * One document.
 *
 * @param source where it stands, as {@code file} or {@code file:line}, for messages
 * @param prompt what comes before the text and carries no loss; may be empty
 * @param text what is learnt; never empty
 */
public record Document(String source, String prompt, String text) {
    public Document {
        if (text.isEmpty()) {
            throw new IllegalArgumentException(source + ": empty text (expected: at least one character)");
        }
    }
}
