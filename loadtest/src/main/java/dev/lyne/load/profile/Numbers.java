package dev.lyne.load.profile;

/** Numbers in option values. */
final class Numbers {
    private Numbers() {}

    static double parse(String option, String text) {
        try {
            return Double.parseDouble(text.strip());
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(option + ": " + text + " (expected: a number)", e);
        }
    }

    static int whole(String option, String text) {
        try {
            return Integer.parseInt(text.strip());
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(option + ": " + text + " (expected: a whole number)", e);
        }
    }

    static void require(boolean holds, String option, Object value, String expectation) {
        if (!holds) {
            throw new IllegalArgumentException(option + ": " + value + " (expected: " + expectation + ")");
        }
    }
}
