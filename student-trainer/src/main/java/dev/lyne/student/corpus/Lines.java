package dev.lyne.student.corpus;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;

/** Lines as bytes. */
final class Lines {
    private static final int MAX_BYTES = 1 << 30;

    private Lines() {}

    /** Reads up to a line feed or the end; false at the end. */
    static boolean read(InputStream in, ByteArrayOutputStream out) throws IOException {
        for (int b = in.read(); b >= 0; b = in.read()) {
            if (b == '\n') {
                return true;
            }
            if (out.size() == MAX_BYTES) {
                throw new CorpusException(
                        "corpus: a line of more than 1 GiB (expected: at most 1 GiB in one document)");
            }
            out.write(b);
        }
        return false;
    }
}
