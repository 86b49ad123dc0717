package dev.lyne.teacher.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A file of a teacher's tokenizer, as it was when the teacher was loaded.
 *
 * @param name without a directory
 * @param bytes which nobody changes
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier; never compared
public record TokenizerFile(String name, byte[] bytes) {
    /** The tokenizer, then what says which tokens stand around a document. */
    private static final List<String> NAMES = List.of(
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "generation_config.json",
            "config.json");

    /** Reads those that a model's directory has. */
    public static List<TokenizerFile> read(Path directory) throws IOException {
        List<TokenizerFile> files = new ArrayList<>();
        for (String name : NAMES) {
            Path file = directory.resolve(name);
            if (Files.isRegularFile(file)) {
                files.add(new TokenizerFile(name, Files.readAllBytes(file)));
            }
        }
        return List.copyOf(files);
    }
}
