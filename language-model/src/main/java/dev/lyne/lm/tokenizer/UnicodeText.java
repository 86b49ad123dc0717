package dev.lyne.lm.tokenizer;

/** Java strings may hold halves of characters; tokenizers work on characters. */
final class UnicodeText {
    private UnicodeText() {}

    /** Refuses a text with an unpaired surrogate, which has no UTF-8 form. */
    static void requireValid(String text) {
        for (int i = 0; i < text.length(); i++) {
            char unit = text.charAt(i);
            if (!Character.isSurrogate(unit)) {
                continue;
            }
            boolean paired = Character.isHighSurrogate(unit)
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1));
            if (!paired) {
                throw new IllegalArgumentException(String.format(
                        "text: unpaired surrogate U+%04X at index %d (expected: valid Unicode)", (int) unit, i));
            }
            i++;
        }
    }
}
