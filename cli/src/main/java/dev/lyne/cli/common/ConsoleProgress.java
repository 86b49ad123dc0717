package dev.lyne.cli.common;

import dev.lyne.student.checkpoint.RunState;
import dev.lyne.student.train.ProgressListener;
import java.io.PrintStream;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import org.jspecify.annotations.Nullable;

/** A run's progress on stderr: a bar on a terminal, else a line every few seconds. The training thread uses it. */
public final class ConsoleProgress implements ProgressListener, AutoCloseable {
    private final PrintStream err;
    private final boolean terminal;
    private final BooleanSupplier stopRequested;
    private @Nullable ProgressBar bar;
    private final LinePace lines = new LinePace();
    private String lastHeldOut = ""; // nothing before the first evaluation
    private final TokenisingLines tokenising;

    /** @param stopRequested whether the run is to end at the next place from which it can go on */
    public ConsoleProgress(PrintStream err, BooleanSupplier stopRequested) {
        this.err = err;
        this.tokenising = new TokenisingLines(err, System::nanoTime);
        this.stopRequested = stopRequested;
        this.terminal = System.console() != null;
    }

    @Override
    public void onTokenise(String corpus, long doneBytes, long totalBytes) {
        tokenising.update(corpus, doneBytes, totalBytes);
    }

    @Override
    public void onStart(Start start) {
        err.printf(
                "%s: %,d parameters, %,d windows, %,d tokens with loss an epoch, steps %,d to %,d%n",
                start.name(),
                start.parameters(),
                start.windows(),
                start.lossTokens(),
                start.firstStep(),
                start.steps());
        if (terminal) {
            bar = new ProgressBarBuilder()
                    .setTaskName(start.name())
                    .setInitialMax(start.steps())
                    .startsFrom(start.firstStep(), java.time.Duration.ZERO)
                    .build();
        }
    }

    @Override
    public void onStep(Step step) {
        if (bar != null) {
            bar.stepTo(step.step());
            bar.setExtraMessage(String.format(
                    " loss %.3f%s %.0f pos/s stall %.0f%%",
                    step.update().loss(),
                    lastHeldOut,
                    step.pace().positionsPerSecond(),
                    100 * step.pace().stallFraction()));
        } else if (step.step() == step.steps() || lines.due()) {
            err.println(describe(step));
        }
    }

    private String describe(Step step) {
        String divergence = Double.isNaN(step.update().divergence())
                ? ""
                : String.format(", divergence %.4f", step.update().divergence());
        String teacher = Double.isNaN(step.coverage())
                ? ""
                : String.format(
                                "%s, stall %.1f%%, coverage %.3f, rows %s",
                                divergence,
                                100 * step.pace().stallFraction(),
                                step.coverage(),
                                mix(step.positionsBySource()))
                        + byTeacher(step);
        return String.format(
                "step %,d of %,d: loss %.4f, %.0f positions/s%s",
                step.step(), step.steps(), step.update().loss(), step.pace().positionsPerSecond(), teacher);
    }

    /** Returns the figures of each of several teachers; nothing where there is one. */
    private static String byTeacher(Step step) {
        return step.update().byTeacher().entrySet().stream()
                .map(teacher -> String.format(
                        "; %s: divergence %.4f, coverage %.3f",
                        teacher.getKey(),
                        teacher.getValue().divergence(),
                        step.coverageByTeacher().getOrDefault(teacher.getKey(), Double.NaN)))
                .collect(Collectors.joining());
    }

    private static String mix(Map<String, Long> positions) {
        double total = positions.values().stream().mapToLong(Long::longValue).sum();
        return positions.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .map(source -> String.format("%s %.0f%%", source.getKey(), 100 * source.getValue() / total))
                .collect(Collectors.joining(" "));
    }

    @Override
    public void onEvaluation(RunState.HeldOut heldOut) {
        lastHeldOut = String.format(" held-out %.3f", heldOut.nll());
        if (bar == null) {
            err.printf("step %,d: held-out loss %.4f nats a token%n", heldOut.step(), heldOut.nll());
        }
    }

    @Override
    public void onCheckpoint(long step) {
        if (bar == null) {
            err.printf("step %,d: checkpoint written%n", step);
        }
    }

    @Override
    public void onNotice(String line) {
        err.println(line);
    }

    @Override
    public boolean isStopRequested() {
        return stopRequested.getAsBoolean();
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
        }
    }
}
