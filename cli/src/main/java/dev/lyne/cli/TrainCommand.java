package dev.lyne.cli;

import dev.lyne.student.train.RunSummary;
import dev.lyne.student.train.Trainer;
import dev.lyne.student.train.TrainingConfig;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
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
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
class TrainCommand implements Callable<Integer> {
    private static final long SECONDS_TO_STOP = 60;

    @Spec
    private CommandSpec spec;

    @Option(names = "--config", paramLabel = "FILE", description = "YAML file of settings.")
    private @Nullable Path config;

    @Option(
            names = "--recipe",
            paramLabel = "NAME",
            description =
                    "Settings of a published method, which all others take the place of: pretraining_distillation, slim,"
                            + " random_sampling, gkd_off_policy, distillm, akl or taid.")
    private @Nullable String recipe;

    @Option(names = "--resume", description = "Go on from the newest checkpoint in --out, where there is one.")
    private boolean resume;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        TrainingConfig run = TrainingConfig.of(SettingOptions.collect(spec, recipe, config));
        check(run);
        AtomicBoolean stop = new AtomicBoolean();
        CountDownLatch ended = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(stopper(stop, ended));
        try (var progress = new ConsoleProgress(System.err, stop::get)) {
            RunSummary summary = Trainer.train(run, resume, progress);
            json.write(summary);
            if (!json.toStdout()) {
                print(System.out, summary, run.out());
            }
        } finally {
            ended.countDown();
        }
        return 0;
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

    /** On SIGINT or SIGTERM, lets the run end the step in hand and write a checkpoint before the process goes. */
    private static Thread stopper(AtomicBoolean stop, CountDownLatch ended) {
        return new Thread(
                () -> {
                    stop.set(true);
                    try {
                        if (!ended.await(SECONDS_TO_STOP, TimeUnit.SECONDS)) {
                            System.err.println(
                                    "lyne: the step in hand took too long to end; the last checkpoint stands");
                        }
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                },
                "stop-training");
    }

    private static void print(PrintStream out, RunSummary summary, Path directory) {
        out.printf(
                "%s: %,d steps, %,d positions, %,.0f positions/s%n",
                summary.name(), summary.steps(), summary.positions(), summary.positionsPerSecond());
        if (!summary.heldOut().isEmpty()) {
            var last = summary.heldOut().get(summary.heldOut().size() - 1);
            out.printf("held-out loss %.4f nats a token, perplexity %.2f%n", last.nll(), Math.exp(last.nll()));
        }
        out.printf("written to %s%n", directory);
    }
}
