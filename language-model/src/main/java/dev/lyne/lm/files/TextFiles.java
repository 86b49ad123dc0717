package dev.lyne.lm.files;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The whole text of a small file that a user names. */
public final class TextFiles {
    private TextFiles() {}

    /**
     * Reads it.
     *
     * @param option who names the file, such as {@code --config}
     * @param expected what it is to be, such as {@code a YAML file of settings}
     * @throws IllegalArgumentException where it does not exist, is a directory, cannot be read, or is not UTF-8
     */
    public static String read(String option, Path file, String expected) throws IOException {
        String problem;
        if (!Files.exists(file)) {
            problem = " does not exist";
        } else if (Files.isDirectory(file)) {
            problem = " is a directory";
        } else if (!Files.isReadable(file)) {
            problem = " cannot be read";
        } else {
            try {
                return Files.readString(file);
            } catch (CharacterCodingException e) {
                problem = " is not UTF-8 text";
            }
        }
        throw new IllegalArgumentException(option + ": " + file + problem + " (expected: " + expected + ")");
    }
}
