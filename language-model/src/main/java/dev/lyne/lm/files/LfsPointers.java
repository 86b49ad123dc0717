package dev.lyne.lm.files;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Placeholders that Git LFS leaves for large files that were not fetched: a few lines of text that begin alike. */
public final class LfsPointers {
    private static final String BEGIN = "version https://git-lfs.";

    private LfsPointers() {}

    /** Refuses a file that is such a pointer; one that cannot be read is left to its reader. */
    public static void refuse(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            return;
        }
        try (InputStream stream = Files.newInputStream(file)) {
            byte[] begin = stream.readNBytes(BEGIN.length());
            if (new String(begin, StandardCharsets.US_ASCII).equals(BEGIN)) {
                throw new IllegalArgumentException(file + ": a Git LFS pointer of " + Files.size(file)
                        + " bytes (expected: the file itself, which `git lfs pull` fetches)");
            }
        }
    }
}
