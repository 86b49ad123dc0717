package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.load.process.ChildProcess;
import dev.lyne.student.train.RunSummary;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every recipe as it ships, with a server in a process of its own. */
final class RecipeProcessesTest {
    @TempDir
    private static Path shared;

    private static TinyTraining tiny;
    private static ChildProcess server;

    @BeforeAll
    static void serve() throws Exception {
        tiny = new TinyTraining(shared);
        server = tiny.serve();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @ParameterizedTest
    @CsvSource({
        "pretraining_distillation, forward_kl, top_p_k top_p=0.95 top_k=50 truncated_at=1.0",
        "slim, slim, top_fraction top_fraction=0.05",
        "random_sampling, random_sampling, draws draws=50 head=0 draw_seed=0",
        "gkd_off_policy, jsd, top_k top_k=64",
        "distillm_off_policy, skew_reverse_kl, top_k top_k=64",
        "akl, akl, top_k top_k=64",
        "taid, taid, top_k top_k=64"
    })
    void train_shippedRecipe_learnsFromTheServer(String recipe, String method, String selection) throws Exception {
        List<String> arguments = new ArrayList<>(tiny.plainly(recipe, 0));
        arguments.set(arguments.indexOf("--steps") + 1, "6");
        arguments.addAll(List.of("--recipe", recipe, "--teacher", tiny.address()));
        InProcessCommand.succeed(arguments);
        RunSummary summary = RunSummary.read(tiny.directory(recipe).summary());
        assertThat(summary.method()).isEqualTo(method);
        assertThat(summary.selection()).isEqualTo(selection);
        assertThat(summary.pace().steps()).isEqualTo(6);
        assertThat(summary.targets().coverage()).isEqualTo(1.0);
        assertThat(tiny.metricsSteps(recipe)).hasSize(6);
    }
}
