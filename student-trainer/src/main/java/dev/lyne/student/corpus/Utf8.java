package dev.lyne.student.corpus;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;

/** Bytes as UTF-8, without the mark that some programs put at the start. */
final class Utf8 {
    private static final char MARK = '\uFEFF';

    private Utf8() {}

    /** The text; a byte that is not UTF-8 is refused with its place, counted from {@code offset}. */
    static String decode(byte[] bytes, long offset) throws InvalidDocumentException {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        try {
            return withoutMark(StandardCharsets.UTF_8.newDecoder().decode(in).toString());
        } catch (CharacterCodingException e) {
            throw new InvalidDocumentException(
                    "byte " + (offset + malformedAt(bytes, true)) + " is not UTF-8 (expected: UTF-8)");
        }
    }

    static String withoutMark(String text) {
        return !text.isEmpty() && text.charAt(0) == MARK ? text.substring(1) : text;
    }

    /**
     * Place of the first byte that is not UTF-8; the number of bytes where all are.
     *
     * @param whole whether a character that is cut short at the end is one, too
     */
    static int malformedAt(byte[] bytes, boolean whole) {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        ByteBuffer in = ByteBuffer.wrap(bytes);
        CharBuffer out = CharBuffer.allocate(1 << 12);
        CoderResult result = decoder.decode(in, out, whole);
        while (result.isOverflow()) {
            out.clear();
            result = decoder.decode(in, out, whole);
        }
        return result.isError() || whole ? in.position() : bytes.length;
    }

    /** Refuses halves of characters, which have no UTF-8 form. */
    static void requireWhole(String field, String text) throws InvalidDocumentException {
        for (int i = 0; i < text.length(); i++) {
            char character = text.charAt(i);
            if (Character.isHighSurrogate(character)
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
            } else if (Character.isSurrogate(character)) {
                throw new InvalidDocumentException(String.format(
                        "field %s has half a character, U+%04X at index %d (expected: whole ones)",
                        field, (int) character, i));
            }
        }
    }
}
