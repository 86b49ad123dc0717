package dev.lyne.student.train;

import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.tokenizer.DocumentWrapping;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.lm.weights.ModelFiles;
import dev.lyne.student.corpus.Corpus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The files that a run's settings name, looked for before any document is read: a wrong path is wrong usage, and is said at once.
 *
 * @param corpus what is trained on
 * @param heldOut what is evaluated on
 * @param configuration shape of the student
 */
record RunInputs(Corpus corpus, Optional<Corpus> heldOut, ModelConfiguration configuration) {
    /** @throws IllegalArgumentException names the first setting whose path is wrong, or that goes beyond the student's shape */
    static RunInputs find(TrainingConfig config) throws IOException {
        requireDirectoryOrNothing(Setting.OUT, config.out());
        requireDirectoryOrNothing(Setting.CACHE, config.data().cache());
        ModelConfiguration configuration = configuration(config.student());
        ModelFiles.requireFile(Setting.TOKENIZER.key(), config.tokenizerDirectory(), Tokenizer.FILE_NAME);
        if (config.data().context() > configuration.sizes().contextLength()) {
            throw Settings.refused(
                    Setting.CONTEXT,
                    config.data().context(),
                    "at most the student's max_position_embeddings="
                            + configuration.sizes().contextLength());
        }
        Optional<String> textField = config.data().textField();
        boolean skipInvalid = config.data().skipInvalid();
        return new RunInputs(
                Corpus.of(Setting.CORPUS.key(), config.data().corpus(), textField, skipInvalid),
                config.data().heldOut().files().isEmpty()
                        ? Optional.empty()
                        : Optional.of(Corpus.of(
                                Setting.HELD_OUT.key(), config.data().heldOut().files(), textField, skipInvalid)),
                configuration);
    }

    /** The corpus that settings name; refuses a path that is not there. */
    static Corpus corpus(Settings settings) throws IOException {
        return Corpus.of(
                Setting.CORPUS.key(),
                TrainingConfig.paths(settings, Setting.CORPUS),
                settings.optional(Setting.TEXT_FIELD),
                settings.flag(Setting.SKIP_INVALID));
    }

    /** Refuses a tokenizer that the student has too few rows for, and rows that are wider than the tokenizer's vocabulary. */
    void requireFit(Tokenizer tokenizer, TrainingConfig.Distillation distillation) {
        tokenizer.checkFits(configuration);
        if (distillation.enabled()) {
            SelectionSettings.requireFits(distillation.selection(), tokenizer.vocabularySize());
        }
    }

    /** The tokens around a document. */
    DocumentWrapping wrapping(Tokenizer tokenizer, TrainingConfig.Data data) {
        return data.wrapping(tokenizer, configuration.boundaries().eos());
    }

    static ModelConfiguration configuration(Path student) {
        String name = Setting.STUDENT.key();
        if (Files.isDirectory(student)) {
            ModelFiles.requireModel(name, student);
            return ModelConfiguration.read(student);
        }
        if (!Files.isRegularFile(student)) {
            throw Settings.refused(Setting.STUDENT, student + " does not exist", "a model directory, or a config.json");
        }
        return ModelConfiguration.readFile(student);
    }

    private static void requireDirectoryOrNothing(Setting setting, Path path) {
        if (Files.exists(path) && !Files.isDirectory(path)) {
            throw Settings.refused(setting, path + " is a file", "a directory, or a place for one");
        }
    }
}
