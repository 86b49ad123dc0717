package dev.lyne.lm.engine;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.stream.Collectors;

/** The TorchScript sources beside this class: each a set of methods, written from column 0. */
public enum ScriptSource {
    /** The transformer itself: token ids to hidden states. */
    TRANSFORMER("transformer.py"),
    /** Filling tensors from the bytes of files and back. */
    TENSORS("tensors.py"),
    /** Rows of logits to sparse rows. */
    SELECTION("selection.py"),
    /** Seeded draws from rows of weights. */
    DRAWS("draws.py"),
    /** One more token with a key-value cache. */
    GENERATION("generation.py"),
    /** Gradients, clipping and AdamW. */
    TRAINING("training.py"),
    /** The plain language-model loss. */
    CROSS_ENTROPY("cross_entropy.py");

    private final String file;

    ScriptSource(String file) {
        this.file = file;
    }

    /** The methods, indented as members of a class. */
    public String methods() {
        try (InputStream stream = ScriptSource.class.getResourceAsStream(file)) {
            if (stream == null) {
                throw new IllegalStateException(file + ": not on the class path");
            }
            String text = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            return text.lines().map(line -> "  " + line).collect(Collectors.joining("\n", "", "\n"));
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read", e);
        }
    }
}
