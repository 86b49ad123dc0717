package dev.lyne.client;

import dev.lyne.row.ExecutionFingerprint;

/**
 * What a teacher is and accepts.
 *
 * @param name name within its server
 * @param modelDigest SHA-256 of the model, 64 lower-case hexadecimal digits
 * @param tokenizerDigest SHA-256 of the tokenizer, 64 lower-case hexadecimal digits
 * @param fingerprint what decides the last bits of its rows
 * @param vocabularySize token ids that a row covers
 * @param contextLength longest sequence, in tokens
 * @param architecture model family, for people
 * @param parameters number of parameters, for people
 * @param deterministic whether equal fingerprints give equal rows
 * @param maxK largest k of a selection
 * @param maxTemperatures most temperatures in a request
 * @param tailError absolute error of a row's tail mass beyond what sums in float32 have
 */
public record TeacherDescription(
        String name,
        String modelDigest,
        String tokenizerDigest,
        ExecutionFingerprint fingerprint,
        int vocabularySize,
        int contextLength,
        String architecture,
        long parameters,
        boolean deterministic,
        int maxK,
        int maxTemperatures,
        double tailError) {
    /** One whose tails are sums of their own. */
    public TeacherDescription(
            String name,
            String modelDigest,
            String tokenizerDigest,
            ExecutionFingerprint fingerprint,
            int vocabularySize,
            int contextLength,
            String architecture,
            long parameters,
            boolean deterministic,
            int maxK,
            int maxTemperatures) {
        this(
                name,
                modelDigest,
                tokenizerDigest,
                fingerprint,
                vocabularySize,
                contextLength,
                architecture,
                parameters,
                deterministic,
                maxK,
                maxTemperatures,
                0);
    }
}
