package dev.lyne.lm.model;

import java.nio.file.Path;

/** A decoder-only transformer's shape, as a Hugging Face `config.json` states it. Placeholder: fields follow. */
public record ModelConfiguration(String modelType, int vocabularySize, int contextLength) {
    /** Reads `config.json` of a model directory. */
    public static ModelConfiguration read(Path directory) {
        throw new UnsupportedOperationException(directory.toString());
    }
}
