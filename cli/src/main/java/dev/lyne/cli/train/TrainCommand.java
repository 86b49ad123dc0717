package dev.lyne.cli.train;

import dev.lyne.cli.common.ConsoleProgress;
import dev.lyne.cli.common.JsonReport;
import dev.lyne.cli.common.StopOnSignal;
import dev.lyne.cli.common.TraceOptions;
import dev.lyne.student.train.FetchedTokenizer;
import dev.lyne.student.train.Recipes;
import dev.lyne.student.train.RunStart;
import dev.lyne.student.train.RunSummary;
import dev.lyne.student.train.Settings;
import dev.lyne.student.train.Trainer;
import dev.lyne.student.train.TrainingConfig;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** A student trainer. */
@Command(
        name = "train",
        description =
                "Trains a student, from a teacher's stream where alpha is above 0. Settings come from --recipe, then the file of --config, "
                        + "then the environment (LYNE_LEARNING_RATE), then the flags below.",
        modelTransformer = SettingOptions.class,
        abbreviateSynopsis = true,
        sortOptions = false,
        footer = {
            "",
            "A student of the shipped teacher, which `./lyne serve --teacher demo` serves:",
            "  ./lyne train --teacher 127.0.0.1:50051 --alpha 0.9 --student config.json \\",
            "      --corpus text/ --out run",
            "Settings from a file and a recipe, going on where the run was stopped:",
            "  ./lyne train --config run.yaml --recipe taid --resume --from-start"
        },
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
public class TrainCommand implements Callable<Integer> {
    /** Names of recipes, for help and for the shell. */
    static final class RecipeNames implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Recipes.NAMES.iterator();
        }
    }

    @Spec
    private CommandSpec spec;

    @Option(names = "--config", paramLabel = "FILE", description = "YAML file of settings.")
    private @Nullable Path config;

    @Option(
            names = "--recipe",
            paramLabel = "NAME",
            completionCandidates = RecipeNames.class,
            description =
                    "Settings of a published method, which all others take the place of: ${COMPLETION-CANDIDATES}.")
    private @Nullable String recipe;

    @Option(
            names = "--resume",
            description =
                    "Go on from the newest checkpoint in --out; --steps may name another total, as of a run that is done.")
    private boolean resume;

    @Option(
            names = "--from-start",
            description = "With --resume: begin at step 0 where there is no checkpoint, for restarts by a machine.")
    private boolean fromStart;

    @Option(
            names = "--fork",
            paramLabel = "CHECKPOINT",
            description =
                    "Begin step 1 with the weights and moments of another run's checkpoint, as RUN/checkpoints/step-000100.")
    private @Nullable Path fork;

    @Option(
            names = "--fork-optimizer",
            paramLabel = "keep|fresh",
            description = "Whether the optimiser's moments come along with --fork, or begin at 0 (default: keep).")
    private @Nullable String forkOptimizer;

    @Mixin
    private TraceOptions traces;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        Settings given = SettingOptions.collect(spec);
        check(TrainingConfig.of(given)); // before a teacher is waited for
        RunStart start = start();
        TrainingConfig run = TrainingConfig.of(FetchedTokenizer.complete(given, System.err::println));
        try (var telemetry = traces.open("lyne-student");
                var stop = StopOnSignal.install();
                var progress = new ConsoleProgress(System.err, stop::isRequested)) {
            RunSummary summary = Trainer.train(run, start, progress, telemetry.telemetry());
            json.write(summary);
            if (!json.toStdout()) {
                print(System.out, summary, run.out());
            }
        }
        return 0;
    }

    private RunStart start() {
        if (fromStart && !resume) {
            throw new IllegalArgumentException("--from-start: without --resume (expected: with it)");
        }
        if (forkOptimizer != null && fork == null) {
            throw new IllegalArgumentException("--fork-optimizer: " + forkOptimizer + " (expected: with --fork only)");
        }
        if (forkOptimizer != null && !List.of("keep", "fresh").contains(forkOptimizer)) {
            throw new IllegalArgumentException("--fork-optimizer: " + forkOptimizer + " (expected: keep or fresh)");
        }
        if (fork != null && !resume && !Files.isDirectory(fork)) {
            throw new IllegalArgumentException(
                    "--fork: " + fork + " (expected: a directory as RUN/checkpoints/step-000100)");
        }
        RunStart.Mode mode =
                !resume ? RunStart.Mode.AFRESH : fromStart ? RunStart.Mode.RESUME_OR_BEGIN : RunStart.Mode.RESUME;
        return new RunStart(
                mode, Optional.ofNullable(fork).map(path -> new RunStart.Fork(path, "fresh".equals(forkOptimizer))));
    }

    /** Refuses what this command is not for. */
    void check(TrainingConfig run) {
        if (run.run().recordTargets().isPresent()) {
            throw new IllegalArgumentException("record_targets: "
                    + run.run().recordTargets().get() + " (expected: empty in train; `lyne pretrain` records)");
        }
        if (run.distillation().enabled() && !run.distillation().hasSource()) {
            throw new IllegalArgumentException("alpha: " + run.distillation().alpha()
                    + " without a teacher (expected: --teacher HOST:PORT, --targets DIR, or alpha 0)");
        }
    }

    private static void print(PrintStream out, RunSummary summary, Path directory) {
        out.printf(
                "%s: %,d steps, %,d positions, %,.0f positions/s%n",
                summary.name(),
                summary.pace().steps(),
                summary.pace().positions(),
                summary.pace().positionsPerSecond());
        if (!summary.heldOut().isEmpty()) {
            var last = summary.heldOut().get(summary.heldOut().size() - 1);
            out.printf("held-out loss %.4f nats a token, perplexity %.2f%n", last.nll(), Math.exp(last.nll()));
        }
        out.printf("written to %s%n", directory);
    }
}
