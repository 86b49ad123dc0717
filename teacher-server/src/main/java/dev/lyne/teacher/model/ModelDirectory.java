package dev.lyne.teacher.model;

import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.lm.weights.ModelDigest;
import dev.lyne.row.TextConventions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Hugging Face directory of a model that something else computes.
 *
 * @param vocabularySize ids of its tokenizer are below it
 * @param tokenizerDigest SHA-256 of the tokenizer's canonical form, 32 bytes
 * @param conventions how its texts begin and end
 * @param tokenizer the tokenizer's files, {@code tokenizer.json} first
 * @param architecture {@code model_type} of its configuration; "unknown" where there is none
 * @param modelVocabularySize columns of the model's logits, as its configuration says; 0: not said
 * @param contextLength longest sequence, as its configuration says; 0: not said
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier; never compared
public record ModelDirectory(
        int vocabularySize,
        byte[] tokenizerDigest,
        TextConventions conventions,
        List<TokenizerFile> tokenizer,
        String architecture,
        int modelVocabularySize,
        int contextLength) {
    private static final String CONFIGURATION = "config.json";

    /** Reads the tokenizer, and the configuration where there is one. */
    public static ModelDirectory read(Path directory) {
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            Path file = directory.resolve(CONFIGURATION);
            JsonNode configuration = Files.isRegularFile(file)
                    ? JsonMapper.shared().readTree(Files.readString(file))
                    : JsonMapper.shared().createObjectNode();
            return new ModelDirectory(
                    tokenizer.vocabularySize(),
                    tokenizer.digest(),
                    tokenizer.conventions(tokenizer.wrapping()),
                    TokenizerFile.read(directory),
                    configuration.path("model_type").asString("unknown"),
                    configuration.path("vocab_size").asInt(0),
                    configuration.path("max_position_embeddings").asInt(0));
        } catch (IOException e) {
            throw new UncheckedIOException(directory + ": cannot be read", e);
        }
    }

    /** SHA-256 of a directory's weights and configuration, 32 bytes. Reads every weight once. */
    public static byte[] digest(Path directory) {
        try {
            return ModelDigest.ofDirectory(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(directory + ": weights cannot be read", e);
        }
    }
}
