package dev.lyne.teacher.model;

/** Text of others as it may be shown: of bounded length, on one line, without what a terminal or a log would act on. */
public final class PrintableText {
    /** Most characters of what a client wrote. */
    public static final int MAX_CLIENT_CHARACTERS = 200;

    private static final String CUT = "…";

    private PrintableText() {}

    /** Returns a client's text, cut to {@link #MAX_CLIENT_CHARACTERS}. */
    public static String ofClient(String text) {
        return of(text, MAX_CLIENT_CHARACTERS);
    }

    /** Replaces what is not printable by a question mark, and cuts. */
    static String of(String text, int maxCharacters) {
        StringBuilder shown = new StringBuilder(Math.min(text.length(), maxCharacters));
        for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
            int character = text.codePointAt(i);
            int width = Character.charCount(character);
            if (shown.length() + width > maxCharacters - CUT.length() && i + width < text.length()) {
                return shown.append(CUT).toString();
            }
            shown.appendCodePoint(printable(character) ? character : '?');
        }
        return shown.toString();
    }

    private static boolean printable(int character) {
        return switch (Character.getType(character)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> false;
            default -> true;
        };
    }
}
