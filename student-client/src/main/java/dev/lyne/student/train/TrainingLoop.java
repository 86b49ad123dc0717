package dev.lyne.student.train;

import dev.lyne.lm.training.Trainable;
import dev.lyne.lm.training.TrainingBatch;
import dev.lyne.student.checkpoint.CheckpointStore;
import dev.lyne.student.checkpoint.RunState;
import dev.lyne.student.evaluate.HeldOutLoss;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.stream.LongStream;

/** Optimiser steps, with what is due between them. One thread runs a loop, once. */
final class TrainingLoop {
    private final Parts parts;
    private final Plan plan;
    private final RunTotals totals;
    private final int nllTerm;
    private final int divergenceTerm;

    /** What a loop works with. */
    record Parts(
            Trainable model,
            WindowSequence sequence,
            Optional<StepFeed> feed,
            MicroBatches batches,
            Optional<TrajectoryRecorder> recorder,
            RunSchedules schedules,
            TaidProgress taid,
            Optional<HeldOutLoss> heldOut,
            CheckpointStore checkpoints,
            MetricsFile metrics,
            EventFile events,
            ProgressListener listener,
            LongSupplier nanoTicker) {}

    /** How long and how often, in steps; 0 for only at the end. */
    record Plan(long steps, int batch, long evaluateEvery, long checkpointEvery, long logEvery, double minCoverage) {}

    private record Result(double loss, double nll, double divergence, double learningRate, double norm) {}

    TrainingLoop(Parts parts, Plan plan, RunTotals totals) {
        this.parts = parts;
        this.plan = plan;
        this.totals = totals;
        this.nllTerm = parts.model().terms().indexOf("nll");
        this.divergenceTerm = parts.model().terms().indexOf("divergence");
    }

    /** Runs to the last step; returns the totals. */
    RunTotals run() throws IOException, InterruptedException {
        long first = totals.step();
        if (first == 0) {
            evaluate();
        }
        while (totals.step() < plan.steps()) {
            step();
            boolean last = totals.step() == plan.steps();
            if (last || isDue(plan.evaluateEvery())) {
                evaluate();
            }
            boolean stopped = !last && parts.listener().isStopRequested();
            // What is recorded of a shard's steps is lost with the shard: a run that records stops where a shard ends.
            boolean whole = parts.recorder().map(TrajectoryRecorder::isWhole).orElse(true);
            if (last || (stopped && whole) || isDue(plan.checkpointEvery())) {
                checkpoint();
            }
            if (stopped) {
                throw new TrainingStoppedException("stopped as asked after step " + totals.step() + " of "
                        + plan.steps() + "; resume goes on from " + (whole ? "there" : "the last checkpoint"));
            }
        }
        if (parts.recorder().isPresent()) {
            parts.recorder().get().finish();
        }
        return totals;
    }

    private boolean isDue(long every) {
        return every > 0 && totals.step() % every == 0;
    }

    private void step() throws IOException, InterruptedException {
        long start = parts.nanoTicker().getAsLong();
        long stalledBefore = stallNanos();
        List<StepItem> items = items();
        requireCoverage(items);
        if (parts.recorder().isPresent()) {
            parts.recorder()
                    .get()
                    .record(
                            totals.step() + 1,
                            items.stream().map(StepItem::window).toList());
        }
        Result result = optimise(items);
        totals.applied(items, parts.feed().isPresent());
        long nanos = parts.nanoTicker().getAsLong() - start;
        totals.spent(nanos, stallNanos() - stalledBefore);
        log(result, positions(items), nanos);
    }

    private List<StepItem> items() throws InterruptedException {
        if (parts.feed().isPresent()) {
            return parts.feed().get().next(plan.batch());
        }
        long first = totals.step() * plan.batch();
        return LongStream.range(first, first + plan.batch())
                .mapToObj(place -> new StepItem(parts.sequence().at(place), Optional.empty()))
                .toList();
    }

    private void requireCoverage(List<StepItem> items) {
        if (parts.feed().isEmpty()) {
            return;
        }
        long needed = positions(items);
        long used = positions(
                items.stream().filter(item -> item.targets().isPresent()).toList());
        if (used < plan.minCoverage() * needed || used == 0) {
            List<String> failures = parts.feed().get().failures();
            throw new TrainingStoppedException("step %d: coverage %.4f (expected: at least %s); asked again in vain: %s"
                    .formatted(
                            totals.step() + 1,
                            (double) used / needed,
                            plan.minCoverage(),
                            String.join("; ", failures)));
        }
    }

    private Result optimise(List<StepItem> items) {
        StepValues values = parts.schedules().at(totals.step() + 1, parts.taid().lambda());
        List<TrainingBatch> batches = parts.batches().of(items, values);
        double[] sums = new double[parts.model().terms().size()];
        for (TrainingBatch batch : batches) {
            double[] part = parts.model().accumulate(batch);
            for (int i = 0; i < sums.length; i++) {
                sums[i] += part[i];
            }
        }
        double norm = parts.model().apply(values.learningRate());
        if (!Double.isFinite(norm)) {
            throw new TrainingStoppedException("step " + (totals.step() + 1) + ": gradient norm " + norm + ", loss "
                    + sums[0] + " (expected: finite); nothing was applied");
        }
        long positions = positions(items);
        long covered = positions(
                items.stream().filter(item -> item.targets().isPresent()).toList());
        double divergence = divergenceTerm < 0 || covered == 0 ? Double.NaN : sums[divergenceTerm] / covered;
        if (values.alpha() > 0 && covered > 0) {
            parts.taid().stepped(totals.step() + 1, divergence);
        }
        return new Result(
                sums[0], nllTerm < 0 ? sums[0] : sums[nllTerm] / positions, divergence, values.learningRate(), norm);
    }

    private void log(Result result, long positions, long nanos) throws IOException {
        ProgressListener.Step step = new ProgressListener.Step(
                totals.step(),
                plan.steps(),
                result.loss(),
                result.nll(),
                result.divergence(),
                result.learningRate(),
                result.norm(),
                positions,
                positions * 1e9 / Math.max(1, nanos),
                totals.stallFraction(),
                totals.coverage(),
                totals.positionsBySource(),
                totals.seconds());
        if (totals.step() % plan.logEvery() == 0 || totals.step() == plan.steps()) {
            parts.metrics().step(step);
            parts.events().scalars(totals.step(), scalars(step));
        }
        parts.listener().onStep(step);
    }

    private static Map<String, Double> scalars(ProgressListener.Step step) {
        Map<String, Double> scalars = new LinkedHashMap<>();
        scalars.put("train/loss", step.loss());
        scalars.put("train/nll", step.nll());
        if (!Double.isNaN(step.divergence())) {
            scalars.put("train/divergence", step.divergence());
            scalars.put("teacher/coverage", step.coverage());
        }
        scalars.put("train/learning_rate", step.learningRate());
        scalars.put("train/gradient_norm", step.gradientNorm());
        scalars.put("speed/positions_per_second", step.positionsPerSecond());
        scalars.put("speed/stall_fraction", step.stallFraction());
        return scalars;
    }

    /** Evaluation reads the model and changes nothing of it; its time is not training time. */
    private void evaluate() throws IOException {
        if (parts.heldOut().isEmpty() || totals.isEvaluated()) {
            return;
        }
        RunState.HeldOut result = totals.evaluated(parts.heldOut().get().of(parts.model()));
        parts.metrics().heldOut(result);
        parts.events().scalars(result.step(), Map.of("held_out/nll", result.nll()));
        parts.listener().onEvaluation(result);
    }

    private void checkpoint() throws IOException {
        long start = parts.nanoTicker().getAsLong();
        long next = totals.step() * plan.batch();
        RunState state = totals.state(
                parts.sequence().epoch(next),
                parts.sequence().index(next),
                parts.metrics().force(),
                parts.events().force(),
                parts.taid().state());
        parts.checkpoints().write(state, parts.model()::saveState);
        if (totals.step() < plan.steps()) {
            // The last checkpoint cannot hold the time that writing it takes, and a run resumed from it ends with what
            // it holds.
            totals.spent(parts.nanoTicker().getAsLong() - start, 0);
        }
        parts.listener().onCheckpoint(totals.step());
    }

    private long stallNanos() {
        return parts.feed().map(StepFeed::stallNanos).orElse(0L);
    }

    private static long positions(List<StepItem> items) {
        return items.stream()
                .mapToLong(item -> item.window().positions().length)
                .sum();
    }
}
