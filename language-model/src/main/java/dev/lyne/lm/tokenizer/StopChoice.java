package dev.lyne.lm.tokenizer;

import java.util.Set;
import java.util.TreeSet;

/**
 * A user's choice of the tokens that end a text that is generated.
 *
 * @param auto whether it is left to the tokenizer's and the model's files
 * @param ids the tokens, where it is not; empty for none
 */
public record StopChoice(boolean auto, Set<Integer> ids) {
    /** What the files name. */
    public static final StopChoice AUTO = new StopChoice(true, Set.of());

    /** No token: every text goes on to its greatest length. */
    public static final StopChoice NONE = new StopChoice(false, Set.of());

    /** Tokens that a teacher takes at most. */
    private static final int MAX_IDS = 64;

    public StopChoice {
        ids = Set.copyOf(ids);
    }

    /**
     * A choice as it is written: {@code auto}, {@code none}, or ids with commas between them.
     *
     * @param name of the option, for messages
     */
    public static StopChoice parse(String name, String text) {
        if (text.equals("auto")) {
            return AUTO;
        }
        if (text.equals("none")) {
            return NONE;
        }
        Set<Integer> ids = new TreeSet<>();
        for (String each : text.split(",", -1)) {
            ids.add(id(name, text, each.strip()));
        }
        if (ids.size() > MAX_IDS) {
            throw new IllegalArgumentException(
                    name + ": " + ids.size() + " tokens (expected: at most " + MAX_IDS + ")");
        }
        return new StopChoice(false, ids);
    }

    private static int id(String name, String text, String each) {
        try {
            int id = Integer.parseInt(each);
            if (id >= 0) {
                return id;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw new IllegalArgumentException(
                name + ": " + text + " (expected: auto, none, or ids of tokens with commas between them)");
    }
}
