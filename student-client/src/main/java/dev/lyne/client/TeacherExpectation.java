package dev.lyne.client;

import dev.lyne.row.ExecutionFingerprint;
import org.jspecify.annotations.Nullable;

/**
 * The teacher a student means to learn from. Another one ends the stream before a row is sent.
 *
 * @param modelDigest 64 lower-case hexadecimal digits; null: any
 * @param tokenizerDigest 64 lower-case hexadecimal digits; null: any
 * @param vocabularySize token ids; 0: any
 * @param fingerprint for bit-exact repetition; null: any
 */
public record TeacherExpectation(
        @Nullable String modelDigest,
        @Nullable String tokenizerDigest,
        int vocabularySize,
        @Nullable ExecutionFingerprint fingerprint) {
    public TeacherExpectation {
        requireDigest("model_digest", modelDigest);
        requireDigest("tokenizer_digest", tokenizerDigest);
        if (vocabularySize < 0) {
            throw new IllegalArgumentException("vocabulary_size: " + vocabularySize + " (expected: at least 0)");
        }
    }

    /** Whatever teacher there is. */
    public static TeacherExpectation any() {
        return new TeacherExpectation(null, null, 0, null);
    }

    private static void requireDigest(String field, @Nullable String digest) {
        if (digest != null && !digest.matches("[0-9a-f]{64}")) {
            throw new IllegalArgumentException(
                    field + ": '" + digest + "' (expected: 64 lower-case hexadecimal digits)");
        }
    }
}
