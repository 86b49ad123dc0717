package dev.lyne.lm.engine;

import dev.lyne.lm.model.Architecture;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.stream.Collectors;

/** The TorchScript sources beside this class: each a set of methods, written from column 0. */
public enum ScriptSource {
    /** The part that all transformers share: token ids to hidden states, and hidden states to logits. */
    TRANSFORMER("transformer.py"),
    /** The layers of Llama and its kin. */
    LLAMA("llama.py"),
    /** The layers of GPT-2. */
    GPT2("gpt2.py"),
    /** The layers of GPT-NeoX. */
    GPT_NEOX("gpt_neox.py"),
    /** Norms, rotation and attention, as both kinds of products have them. */
    OPERATORS("operators.py"),
    /** Products with weights by PyTorch's own operator. */
    PRODUCTS("products.py"),
    /** Products with weights by oneDNN's operator for some shapes. */
    PRODUCTS_ONEDNN("products_onednn.py"),
    /** The training step that goes with them, differentiated by hand. */
    CUTS("cuts.py"),
    /** A product to be timed. */
    PRODUCT_SPEED("product_speed.py"),
    /** Filling tensors from the bytes of files and back. */
    TENSORS("tensors.py"),
    /** Rows of logits to sparse rows. */
    SELECTION("selection.py"),
    /** Seeded draws from rows of weights. */
    DRAWS("draws.py"),
    /** Continuing many sequences, each over its own keys and values. */
    DECODING("decoding.py"),
    /** Gradients, clipping and AdamW. */
    TRAINING("training.py"),
    /** The plain language-model loss. */
    CROSS_ENTROPY("cross_entropy.py");

    private final String file;

    ScriptSource(String file) {
        this.file = file;
    }

    /** The forward of an architecture, without its products, norms and attention. */
    public static String forward(Architecture architecture) {
        ScriptSource layers = switch (architecture) {
            case LLAMA -> LLAMA;
            case GPT2 -> GPT2;
            case GPT_NEOX -> GPT_NEOX;
        };
        return TRANSFORMER.methods() + layers.methods();
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
