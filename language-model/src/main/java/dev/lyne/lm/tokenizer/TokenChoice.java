package dev.lyne.lm.tokenizer;

import java.util.OptionalInt;

/**
 * A user's choice of the token on one side of a document.
 *
 * @param auto whether it is left to the tokenizer
 * @param id the token, where it is not; absent for none
 */
public record TokenChoice(boolean auto, OptionalInt id) {
    /** The tokenizer's own. */
    public static final TokenChoice AUTO = new TokenChoice(true, OptionalInt.empty());

    /** No token. */
    public static final TokenChoice NONE = new TokenChoice(false, OptionalInt.empty());

    /**
     * A choice as it is written: {@code auto}, {@code none} or an id.
     *
     * @param name of the option or setting, for messages
     */
    public static TokenChoice parse(String name, String text) {
        if (text.equals("auto")) {
            return AUTO;
        }
        if (text.equals("none")) {
            return NONE;
        }
        try {
            int id = Integer.parseInt(text);
            if (id >= 0) {
                return new TokenChoice(false, OptionalInt.of(id));
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw new IllegalArgumentException(name + ": " + text + " (expected: auto, none, or the id of a token)");
    }
}
