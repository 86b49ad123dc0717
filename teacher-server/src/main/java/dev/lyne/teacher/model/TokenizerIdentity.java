package dev.lyne.teacher.model;

import dev.lyne.lm.tokenizer.Tokenizer;
import java.nio.file.Path;

/**
 * The identity of a tokenizer, which its students must share.
 *
 * @param vocabularySize ids are below it
 * @param digest SHA-256 of its definition
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier; never compared
public record TokenizerIdentity(int vocabularySize, byte[] digest) {
    /** Reads that of a directory with a {@code tokenizer.json}. */
    public static TokenizerIdentity of(Path directory) {
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            return new TokenizerIdentity(tokenizer.vocabularySize(), tokenizer.digest());
        }
    }
}
