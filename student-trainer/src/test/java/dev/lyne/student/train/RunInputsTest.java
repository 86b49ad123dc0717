package dev.lyne.student.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.lm.training.LossScript;
import dev.lyne.lm.training.OptimizerOptions;
import dev.lyne.lm.training.TrainableModel;
import dev.lyne.lm.weights.SafetensorsFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Paths and shapes that do not fit are wrong usage, said before anything is tokenised or written. */
final class RunInputsTest {
    @TempDir
    Path directory;

    private TinyRun tiny;

    @BeforeEach
    void makeCorpus() throws IOException {
        tiny = new TinyRun(directory);
        Files.createDirectories(directory.resolve("empty"));
        Files.writeString(directory.resolve("notes.gz"), "x");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "CORPUS|nowhere|corpus: DIR/nowhere does not exist (expected: a file of text or JSON"
                        + " Lines, plain or compressed with gzip or zstd, or a directory of such)",
                "CORPUS|empty|corpus: DIR/empty holds no file (expected: at least one of text or JSON Lines, plain or"
                        + " compressed with gzip or zstd)",
                "CORPUS|notes.gz|corpus: DIR/notes.gz: neither gzip nor zstd data, as its name says (expected: text or JSON"
                        + " Lines, plain or compressed with gzip or zstd)",
                "HELD_OUT|nowhere|held_out: DIR/nowhere does not exist (expected: a file of text or JSON"
                        + " Lines, plain or compressed with gzip or zstd, or a directory of such)",
                "STUDENT|nowhere|student: DIR/nowhere does not exist (expected: a model directory, or a config.json)",
                "STUDENT|nowhere.json|student: DIR/nowhere.json does not exist (expected: a model directory, or a"
                        + " config.json)",
                "STUDENT|empty|student: DIR/empty holds no config.json (expected: a directory with one)",
                "STUDENT|.|student: DIR/. holds no weights (expected: model.safetensors or"
                        + " model.safetensors.index.json)",
                "TOKENIZER|empty|tokenizer: DIR/empty holds no tokenizer.json (expected: a directory with one)",
                "OUT|corpus.jsonl|out: DIR/corpus.jsonl is a file (expected: a directory, or a place for one)",
                "CACHE|corpus.jsonl|cache: DIR/corpus.jsonl is a file (expected: a directory, or a place for one)",
            })
    void train_wrongPath_isRefusedByNameAtOnce(Setting setting, String path, String message) throws Exception {
        TrainingConfig config =
                tiny.config("out", Map.of(setting, directory.resolve(path).toString()));
        assertThatThrownBy(() -> Trainer.train(config, RunStart.AFRESH, new Nothing()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(message.replace("DIR", directory.toString()));
        assertThat(directory.resolve("out")).doesNotExist();
        assertThat(directory.resolve("tokens")).doesNotExist();
    }

    @Test
    void train_contextBeyondTheStudents_isRefusedBeforeTokenising() throws Exception {
        TrainingConfig config = tiny.config("out", Map.of(Setting.CONTEXT, "65"));
        assertThatThrownBy(() -> Trainer.train(config, RunStart.AFRESH, new Nothing()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("context: 65 (expected: at most the student's max_position_embeddings=64)");
    }

    @ParameterizedTest
    @CsvSource({"top_k,TOP_K,top_k", "top_p_k,TOP_K,top_k", "chosen,TOP_K,top_k", "draws,HEAD,head"})
    void train_selectionBeyondTheVocabulary_isRefusedBeforeTokenising(String selection, Setting setting, String key)
            throws Exception {
        TrainingConfig config = tiny.config(
                "out",
                Map.of(
                        Setting.SELECTION,
                        selection,
                        setting,
                        "4000",
                        Setting.ALPHA,
                        "1",
                        Setting.TEACHER,
                        "127.0.0.1:1"));
        assertThatThrownBy(() -> Trainer.train(config, RunStart.AFRESH, new Nothing()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(key + ": 4000 (expected: at most the tokenizer's vocabulary, ");
    }

    @Test
    void train_studentWithFewerRowsThanIds_isRefusedBeforeTokenising() throws Exception {
        ModelConfiguration.llama(new ModelConfiguration.Sizes(100, 64, 16, 2), 2, 1, 32, 10_000, true)
                .write(directory);
        assertThatThrownBy(() -> Trainer.train(tiny.config("out", Map.of()), RunStart.AFRESH, new Nothing()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("(expected: at most vocab_size=100 of the model's config.json)");
    }

    @Test
    void train_warmUpLongerThanTheEpochs_isRefused() throws Exception {
        TrainingConfig config =
                tiny.config("out", Map.of(Setting.STEPS, "0", Setting.EPOCHS, "1", Setting.WARMUP_STEPS, "5000"));
        assertThatThrownBy(() -> Trainer.train(config, RunStart.AFRESH, ProgressListener.none()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageMatching(
                        "warmup_steps: 5000 \\(expected: at most \\d+ of steps=\\d+ with schedule=cosine\\)");
    }

    /** Real models are padded to round numbers: 151,936 rows for 151,665 ids, say. */
    @Test
    void train_studentWithMoreRowsThanIds_trainsAndLeavesThePaddingAlone() throws Exception {
        int vocabulary;
        try (Tokenizer tokenizer = Tokenizer.load(tiny.tokenizer)) {
            vocabulary = tokenizer.vocabularySize();
        }
        ModelConfiguration shape = ModelConfiguration.llama(
                new ModelConfiguration.Sizes(vocabulary + 7, 64, 16, 2), 2, 1, 32, 10_000, true);
        shape.write(directory);
        TrainingConfig config = tiny.config("out", Map.of(Setting.WEIGHT_DECAY, "0"));
        RunSummary summary = Trainer.train(config, RunStart.AFRESH, ProgressListener.none());
        assertThat(summary.heldOut().get(summary.heldOut().size() - 1).nll())
                .isLessThan(summary.heldOut().get(0).nll());

        Path trained = new RunDirectory(config.out()).model();
        Path untrained = directory.resolve("untrained");
        ModelOptions options = config.run().model();
        try (TrainableModel model = TrainableModel.create(
                shape, vocabulary, 0, options, OptimizerOptions.defaults(), LossScript.crossEntropy())) {
            model.export(untrained, "float32");
        }
        assertThat(ModelConfiguration.read(trained).sizes().vocabulary()).isEqualTo(vocabulary + 7);
        assertThat(embedding(trained, vocabulary, 7)).containsExactly(embedding(untrained, vocabulary, 7));
        assertThat(embedding(trained, 0, 7)).isNotEqualTo(embedding(untrained, 0, 7));
    }

    /** Bytes of some rows of 16 float32 each. */
    private static byte[] embedding(Path model, int firstRow, int rows) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocateDirect(rows * 16 * Float.BYTES);
        SafetensorsFile.open(model.resolve("model.safetensors"))
                .read("model.embed_tokens.weight", (long) firstRow * 16 * Float.BYTES, bytes);
        byte[] copy = new byte[bytes.capacity()];
        bytes.clear().get(copy);
        return copy;
    }

    /** Fails where a run comes as far as to tokenise. */
    private static final class Nothing implements ProgressListener {
        @Override
        public void onTokenise(String corpus, long doneBytes, long totalBytes) {
            throw new AssertionError("tokenises " + corpus);
        }
    }
}
