package dev.lyne.student.corpus;

import dev.lyne.student.tokens.Document;
import java.io.IOException;
import java.nio.file.Path;

/** A text file as one document. */
final class TextFile {
    private static final int MAX_BYTES = 1 << 30;

    private TextFile() {}

    static Document read(Path file) throws IOException, InvalidDocumentException {
        byte[] bytes;
        try (Contents contents = Contents.open(file)) {
            bytes = contents.readNBytes(MAX_BYTES + 1);
        } catch (DamagedContentsException e) {
            throw new CorpusException("corpus: " + file + ": " + e.getMessage());
        }
        if (bytes.length > MAX_BYTES) {
            throw new CorpusException("corpus: " + file
                    + " has more than 1 GiB (expected: at most that in one document; use JSON Lines)");
        }
        String text = Utf8.decode(bytes, 0);
        if (text.isEmpty()) {
            throw new InvalidDocumentException("it is empty (expected: at least one character)");
        }
        int zero = text.indexOf('\0');
        if (zero >= 0) {
            throw new InvalidDocumentException("character " + zero + " is U+0000 (expected: text)");
        }
        return new Document(file.toString(), "", text);
    }
}
