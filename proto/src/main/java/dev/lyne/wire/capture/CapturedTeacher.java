package dev.lyne.wire.capture;

import dev.lyne.row.ExecutionFingerprint;
import java.util.SortedMap;

/**
 * The teacher whose rows were captured. The manifest has the values of its fingerprint beside its own.
 *
 * @param name as its server called it
 * @param modelSha256 of the model, 64 lower-case hexadecimal digits
 * @param tokenizerSha256 of the tokenizer, 64 lower-case hexadecimal digits
 * @param vocabularySize token ids that a row covers
 * @param contextLength longest sequence, in tokens
 * @param architecture model family, for people
 * @param parameters number of parameters, for people
 * @param deterministic whether equal fingerprints give equal rows
 * @param tailError absolute error of a row's tail mass, as the teacher stated it; the manifest has the key where it is not 0
 * @param fingerprint whose digest stands in every block
 */
public record CapturedTeacher(
        String name,
        String modelSha256,
        String tokenizerSha256,
        int vocabularySize,
        int contextLength,
        String architecture,
        long parameters,
        boolean deterministic,
        double tailError,
        ExecutionFingerprint fingerprint) {
    public CapturedTeacher {
        requireDigest("teacher.model_sha256", modelSha256);
        requireDigest("teacher.tokenizer_sha256", tokenizerSha256);
        if (vocabularySize < 1 || vocabularySize > 1 << 20) {
            throw new IllegalArgumentException(
                    "teacher.vocabulary_size: " + vocabularySize + " (expected: 1.." + (1 << 20) + ")");
        }
        if (contextLength < 1) {
            throw new IllegalArgumentException("teacher.context_length: " + contextLength + " (expected: 1 or more)");
        }
        if (!(tailError >= 0) || tailError >= 1) {
            throw new IllegalArgumentException("teacher.tail_error: " + tailError + " (expected: at least 0, below 1)");
        }
        if (fingerprint.arithmeticVersion() < 0) {
            throw new IllegalArgumentException(
                    "teacher.arithmetic_version: " + fingerprint.arithmeticVersion() + " (expected: 0 or more)");
        }
    }

    void putIdentity(SortedMap<String, String> identity) {
        identity.put("teacher.model_sha256", modelSha256);
        identity.put("teacher.tokenizer_sha256", tokenizerSha256);
        identity.put("teacher.vocabulary_size", Integer.toString(vocabularySize));
        identity.put("teacher.context_length", Integer.toString(contextLength));
        identity.put("teacher.deterministic", Boolean.toString(deterministic));
        if (tailError > 0) {
            identity.put("teacher.tail_error", Double.toString(tailError));
        }
        identity.put("teacher.fingerprint", fingerprint.joined());
    }

    static void requireDigest(String name, String digest) {
        if (!digest.matches("[0-9a-f]{64}")) {
            throw new IllegalArgumentException(
                    name + ": '" + digest + "' (expected: 64 lower-case hexadecimal digits)");
        }
    }
}
