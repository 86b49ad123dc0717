package dev.lyne.student.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.lm.training.Trainable;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Samples that a run shows at its end, in the text that it was told of. */
final class SamplesTest {
    @TempDir
    Path directory;

    /** The files of the tokenizer name an end of text that is no token: only a chosen one will do, to the very end. */
    @Test
    void train_endOfTextChosenWhereTheFilesAreRefused_finishesAndSamplesStopThere() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        Path names = tiny.tokenizer.resolve("tokenizer_config.json");
        Files.writeString(names, Files.readString(names).replace("\"eos_token\"", "\"no_token\""));
        Files.writeString(tiny.tokenizer.resolve("config.json"), "{\"eos_token_id\": 99999}");
        TrainingConfig auto = tiny.config("auto", Map.of(Setting.STEPS, "3"));
        assertThatThrownBy(() -> Trainer.train(auto, RunStart.AFRESH, ProgressListener.none()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("eos_token_id of config.json: 99999");

        TrainingConfig chosen = tiny.config("chosen", Map.of(Setting.STEPS, "3", Setting.EOS, "7"));
        List<Object> stops = new ArrayList<>();
        RunSummary summary = new TrainingSession(chosen, noting(stops), ProgressListener.none()).run(RunStart.AFRESH);
        assertThat(summary.text().documentEos()).isEqualTo(7);
        assertThat(stops).containsExactly(Set.of(7));
        RunDirectory run = new RunDirectory(chosen.out());
        assertThat(run.samples()).exists();
        assertThat(run.summary()).exists();
        assertThat(run.report()).exists();
    }

    /** Students that note the tokens that each continuation is to stop at. */
    private static Trainer.OpenedResources noting(List<Object> stops) {
        return new Trainer.OpenedResources() {
            @Override
            public TrainingSession.Student openStudent(TrainingConfig config, int vocabularySize) {
                TrainingSession.Student real = super.openStudent(config, vocabularySize);
                Trainable model = (Trainable) Proxy.newProxyInstance(
                        Trainable.class.getClassLoader(),
                        new Class<?>[] {Trainable.class},
                        (proxy, method, arguments) -> {
                            if (method.getName().equals("generate")) {
                                stops.add(arguments[arguments.length - 1]);
                            }
                            return method.invoke(real.model(), arguments);
                        });
                return new TrainingSession.Student(model, real.fingerprint());
            }
        };
    }
}
