package dev.lyne.client;

import dev.lyne.row.ExecutionFingerprint;
import dev.lyne.row.TextConventions;
import java.util.Optional;

/**
 * Description of a teacher: what it is and accepts.
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
 * @param tailError absolute error of a row's tail mass beyond what sums in float32 have
 * @param abilities what it can be asked for
 * @param conventions how its texts begin and end; absent where it does not say
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
        double tailError,
        Abilities abilities,
        Optional<TextConventions> conventions) {
    /**
     * Limits of what it can be asked for.
     *
     * @param maxK largest k of a selection
     * @param maxTemperatures most temperatures in a request
     * @param decodes whether it draws tokens
     */
    public record Abilities(int maxK, int maxTemperatures, boolean decodes) {}
}
