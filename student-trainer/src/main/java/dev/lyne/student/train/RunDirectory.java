package dev.lyne.student.train;

import dev.lyne.files.AtomicFile;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.tokenizer.DocumentWrapping;
import dev.lyne.lm.weights.SafetensorsModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The directory of a run, and the place of each file in it. */
public record RunDirectory(Path root) {
    private static final List<String> TOKENIZER_FILES = List.of(
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
            "generation_config.json");

    /** Directory of checkpoints. */
    public Path checkpoints() {
        return root.resolve("checkpoints");
    }

    /** Responses that the student wrote to train on, a file a phase. */
    public Path rollouts() {
        return root.resolve("rollouts");
    }

    /** A line a step. */
    public Path metrics() {
        return root.resolve("metrics.jsonl");
    }

    /** TensorBoard's events, to be given as its log directory. */
    public Path events() {
        return root.resolve("events");
    }

    Path eventFile() {
        return events().resolve("events.out.tfevents.0.lyne");
    }

    /** The student as a Hugging Face directory. */
    public Path model() {
        return root.resolve("model");
    }

    /** Returns the place of the run's summary. */
    public Path summary() {
        return root.resolve("summary.json");
    }

    /** Continuations sampled from the student. */
    public Path samples() {
        return root.resolve("samples.json");
    }

    /** The settings that the run was started with. */
    public Path settings() {
        return root.resolve("settings.json");
    }

    /** The page for people. */
    public Path report() {
        return root.resolve("report.html");
    }

    /**
     * Has an exported model's configuration name the token that its texts end with, where it names another or none: the tokenizer's directory
     * may name it in the configuration of another model, which is not copied.
     */
    static void nameEnd(Path model, DocumentWrapping wrapping) throws IOException {
        ModelConfiguration exported = ModelConfiguration.read(model);
        ModelConfiguration.Boundaries named = exported.boundaries();
        if (wrapping.eosId().isEmpty() || named.eos().contains(wrapping.eosId().getAsInt())) {
            return;
        }
        List<Integer> end = List.of(wrapping.eosId().getAsInt());
        exported.withBoundaries(new ModelConfiguration.Boundaries(named.bos(), end))
                .write(model);
    }

    /** Refuses a directory where a model stands that is not this run's: it would be written over at the end. */
    void requireNoModel() {
        for (String name :
                List.of(ModelConfiguration.FILE_NAME, SafetensorsModel.SINGLE_FILE, SafetensorsModel.INDEX_FILE)) {
            if (Files.exists(model().resolve(name))) {
                throw Settings.refused(
                        Setting.OUT,
                        root + " holds " + root.relativize(model().resolve(name)) + ", and no checkpoint",
                        "a directory without a model, or to resume");
            }
        }
    }

    /** Copies a tokenizer's files beside the exported weights. */
    static void copyTokenizer(Path from, Path to) throws IOException {
        for (String name : TOKENIZER_FILES) {
            Path file = from.resolve(name);
            if (Files.isRegularFile(file)) {
                AtomicFile.write(to.resolve(name), Files.readAllBytes(file));
            }
        }
    }
}
