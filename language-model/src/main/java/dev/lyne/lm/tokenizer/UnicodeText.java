package dev.lyne.lm.tokenizer;

/** Java strings may hold halves of characters; tokenizers work on characters. */
final class UnicodeText {
    private UnicodeText() {}

    /** Refuses a text with an unpaired surrogate, which has no UTF-8 form. */
    static void requireValid(String text) {
        int i = 0;
        while (i < text.length()) {
            int character = text.codePointAt(i);
            if (character >= Character.MIN_SURROGATE && character <= Character.MAX_SURROGATE) {
                throw new IllegalArgumentException(String.format(
                        "text: unpaired surrogate U+%04X at index %d (expected: valid Unicode)", character, i));
            }
            i += Character.charCount(character);
        }
    }
}
