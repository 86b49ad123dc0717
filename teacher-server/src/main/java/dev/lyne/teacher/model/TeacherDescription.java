package dev.lyne.teacher.model;

import dev.lyne.row.ExecutionFingerprint;
import dev.lyne.row.TextConventions;
import java.util.Optional;

/**
 * Description of a teacher.
 *
 * @param name unique within a server, never blank
 * @param modelDigest SHA-256 of tensors, configuration and compute precision, 32 bytes
 * @param tokenizerDigest SHA-256 of the tokenizer's canonical form, 32 bytes
 * @param vocabularySize token ids that a row's distribution covers
 * @param contextLength longest sequence, in tokens
 * @param fingerprint what the last bits of a row depend on
 * @param architecture the model family, for people
 * @param parameters number of parameters, for people
 * @param deterministic true where each sequence is computed alone, so that equal fingerprints give equal bytes
 * @param tailError absolute error of a row's tail mass, beyond what float32 sums have; 0 for a model that sums all of its logits
 * @param conventions how its texts begin and end; absent where no files say so
 */
@SuppressWarnings("ArrayRecordComponent") // digests are compared with Arrays.equals where they matter
public record TeacherDescription(
        String name,
        byte[] modelDigest,
        byte[] tokenizerDigest,
        int vocabularySize,
        int contextLength,
        ExecutionFingerprint fingerprint,
        String architecture,
        long parameters,
        boolean deterministic,
        double tailError,
        Optional<TextConventions> conventions) {
    public TeacherDescription {
        if (name.isBlank()) {
            throw new IllegalArgumentException("teacher name: empty (expected: a name)");
        }
        requireDigest("model digest", modelDigest);
        requireDigest("tokenizer digest", tokenizerDigest);
        if (vocabularySize < 1 || vocabularySize > 1 << 20) {
            throw new IllegalArgumentException("vocabulary_size: " + vocabularySize + " (expected: 1..1048576)");
        }
        if (contextLength < 1) {
            throw new IllegalArgumentException("context_length: " + contextLength + " (expected: 1 or more)");
        }
    }

    private static void requireDigest(String what, byte[] digest) {
        if (digest.length != 32) {
            throw new IllegalArgumentException(what + ": " + digest.length + " bytes (expected: 32)");
        }
    }
}
