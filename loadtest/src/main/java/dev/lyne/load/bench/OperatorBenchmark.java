package dev.lyne.load.bench;

import dev.lyne.lm.engine.OperatorProfile;
import dev.lyne.lm.engine.OperatorProfile.Operator;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.lm.training.TrainableModel;
import dev.lyne.lm.training.TrainingBatch;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Benchmark of where the time of a forward with its selection goes, and that of a training step, operator by operator.
 */
public final class OperatorBenchmark {
    private static final int WARM_UPS = 2;

    /** Operators that take a smaller part of the time are one line, {@code others}. */
    private static final double SMALLEST_SHARE = 0.005;

    /** Means over the rounds. */
    public record Result(String device, int threads, int rounds, List<Line> results) {}

    /**
     * One operator.
     *
     * @param work forward, or step with the loss
     * @param operator as PyTorch spells it
     * @param calls a round
     * @param millis a round, without the operators within it
     * @param share of all operators' time
     */
    public record Line(
            String work, String shape, String precision, String operator, double calls, double millis, double share) {}

    private final int rounds;
    private final Consumer<String> progress;
    private final List<Line> lines = new ArrayList<>();

    public OperatorBenchmark(int rounds, Consumer<String> progress) {
        if (rounds < 1) {
            throw new IllegalArgumentException("--rounds: " + rounds + " (expected: at least 1)");
        }
        this.rounds = rounds;
        this.progress = progress;
    }

    /**
     * Runs it; random models are written to {@code scratch} and deleted afterwards.
     *
     * @param shapes of the forward, as `bench forward` has them
     * @param precisions of the forward
     * @param steps shapes of the step, which is in float32, as `bench step` has them
     */
    public Result run(List<String> shapes, List<ComputePrecision> precisions, List<String> steps, Path scratch)
            throws IOException {
        List<StepTask> tasks = new ArrayList<>();
        for (String step : steps) {
            tasks.add(new StepTask(step, StepTask.CROSS_ENTROPY)); // what there is not is refused before anything runs
        }
        String device = "";
        int threads = 0;
        for (String name : shapes) {
            ForwardShape shape = ForwardShape.of(name);
            try (RandomModel files = RandomModel.write(shape.configuration(), scratch)) {
                for (ComputePrecision precision : precisions) {
                    var options = new ModelOptions("cpu", precision, 0);
                    var scoring =
                            ScoringOptions.of(shape.configuration().sizes().vocabulary());
                    try (ScoringModel model = ScoringModel.load(files.directory(), options, scoring)) {
                        device = model.fingerprint().device();
                        threads = model.fingerprint().threads();
                        List<ScoreItem> items = shape.items();
                        RowContent selection = RowContent.topK(ForwardComparison.K);
                        add("forward", name, precision, () -> model.score(items, selection));
                    }
                }
            }
        }
        for (int i = 0; i < tasks.size(); i++) {
            TrainingBatch batch = tasks.get(i).batch();
            try (TrainableModel student = tasks.get(i).create()) {
                device = student.fingerprint().device();
                threads = student.fingerprint().threads();
                add("step", steps.get(i), ComputePrecision.FLOAT32, () -> {
                    student.accumulate(batch);
                    student.apply(StepTask.LEARNING_RATE);
                });
            }
        }
        return new Result(device, threads, rounds, List.copyOf(lines));
    }

    private void add(String work, String shape, ComputePrecision precision, Runnable round) throws IOException {
        for (int i = 0; i < WARM_UPS; i++) {
            round.run();
        }
        List<Operator> operators = OperatorProfile.of(() -> {
            for (int i = 0; i < rounds; i++) {
                round.run();
            }
        });
        double all = operators.stream().mapToDouble(Operator::millis).sum();
        double others = all;
        double otherCalls = operators.stream().mapToLong(Operator::calls).sum();
        for (Operator operator : operators) {
            if (operator.millis() >= SMALLEST_SHARE * all) {
                others -= operator.millis();
                otherCalls -= operator.calls();
                lines.add(line(work, shape, precision, operator, all));
            }
        }
        lines.add(line(work, shape, precision, new Operator("others", Math.round(otherCalls), others), all));
        lines.add(line(work, shape, precision, new Operator("all", 0, all), all));
        progress.accept(String.format("%s, %s, %s: %.1f ms", work, shape, precision.torchName(), all / rounds));
    }

    private Line line(String work, String shape, ComputePrecision precision, Operator operator, double all) {
        return new Line(
                work,
                shape,
                precision.torchName(),
                operator.name(),
                (double) operator.calls() / rounds,
                operator.millis() / rounds,
                operator.millis() / all);
    }
}
