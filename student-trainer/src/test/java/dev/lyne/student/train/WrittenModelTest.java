package dev.lyne.student.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.tokenizer.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The model that a run leaves: what it says of itself, and what it takes the place of. */
final class WrittenModelTest {
    private static final Map<Setting, String> FEW_STEPS = Map.of(Setting.STEPS, "3", Setting.EVALUATE_EVERY, "0");

    @TempDir
    Path directory;

    private TinyRun tiny;
    private Path model;

    @BeforeEach
    void makeCorpus() throws Exception {
        tiny = new TinyRun(directory);
        model = directory.resolve("out/model");
    }

    private void train(RunStart start) throws Exception {
        Trainer.train(tiny.config("out", FEW_STEPS), start, ProgressListener.none());
    }

    /** The configuration beside the tokenizer is of another model, and is not copied. */
    @Test
    void train_endThatTheTokenizersDirectoryNames_isNamedByTheStudent() throws Exception {
        Files.writeString(tiny.tokenizer.resolve("tokenizer_config.json"), "{}");
        Files.writeString(tiny.tokenizer.resolve("config.json"), "{\"eos_token_id\": 0}");
        train(RunStart.AFRESH);
        assertThat(ModelConfiguration.read(model).boundaries().eos()).containsExactly(0);
        try (Tokenizer tokenizer = Tokenizer.load(model)) {
            assertThat(tokenizer.wrapping().eosId()).hasValue(0);
        }
    }

    @Test
    void train_whereAnotherModelStands_isRefusedAndLeavesIt() throws Exception {
        Path weights = Files.createDirectories(model).resolve("model.safetensors");
        Files.writeString(weights, "precious");
        RunStart restarted = new RunStart(RunStart.Mode.RESUME_OR_BEGIN, Optional.empty());
        for (RunStart start : List.of(RunStart.AFRESH, restarted)) {
            assertThatThrownBy(() -> train(start))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("out: " + directory.resolve("out") + " holds model/model.safetensors, and no checkpoint"
                            + " (expected: a directory without a model, or to resume)");
        }
        assertThat(weights).hasContent("precious");
    }
}
