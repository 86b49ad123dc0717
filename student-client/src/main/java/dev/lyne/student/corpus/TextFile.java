package dev.lyne.student.corpus;

import dev.lyne.student.tokens.Document;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A text file as one document. */
final class TextFile {
    private static final long MAX_BYTES = 1L << 30;

    private TextFile() {}

    static Document read(Path file) throws IOException {
        long size = Files.size(file);
        if (size > MAX_BYTES) {
            throw new CorpusException("corpus: " + file + " has " + size
                    + " bytes (expected: at most 1 GiB in one document; use .jsonl for many)");
        }
        String text = decode(Files.readAllBytes(file), file.toString());
        if (text.isEmpty()) {
            throw new CorpusException("corpus: " + file + " is empty (expected: at least one character)");
        }
        return new Document(file.toString(), "", text);
    }

    /** The bytes as UTF-8; refuses any that are not, with their place. */
    static String decode(byte[] bytes, String source) throws CorpusException {
        CharsetDecoder decoder = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT);
        ByteBuffer in = ByteBuffer.wrap(bytes);
        try {
            return decoder.decode(in).toString();
        } catch (CharacterCodingException e) {
            throw new CorpusException(
                    "corpus: " + source + ": byte " + malformedAt(bytes) + " is not UTF-8 (expected: UTF-8)");
        }
    }

    private static int malformedAt(byte[] bytes) {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        ByteBuffer in = ByteBuffer.wrap(bytes);
        CharBuffer out = CharBuffer.allocate(1 << 12);
        CoderResult result = decoder.decode(in, out, true);
        while (result.isOverflow()) {
            out.clear();
            result = decoder.decode(in, out, true);
        }
        return in.position();
    }
}
