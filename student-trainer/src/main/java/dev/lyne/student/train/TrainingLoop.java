package dev.lyne.student.train;

import dev.lyne.lm.training.Trainable;
import dev.lyne.student.checkpoint.CheckpointStore;
import dev.lyne.student.checkpoint.RunState;
import dev.lyne.student.evaluate.HeldOutLoss;
import dev.lyne.student.loss.LossState;
import dev.lyne.student.loss.OwnText;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.LongSupplier;
import java.util.stream.LongStream;

/** Optimiser steps, with what is due between them. One thread runs a loop, once. */
final class TrainingLoop {
    /** Beyond that, most of a step teaches nothing. */
    private static final double MOST_CLIPPED = 0.5;

    private final Parts parts;
    private final Plan plan;
    private final RunTotals totals;
    private final int nllTerm;
    private final int divergenceTerm;
    /** The step of the newest checkpoint; −1: there is none. */
    private long checkpointedStep;
    /** The last step that a checkpoint was tried of. */
    private long triedStep;

    private long checkpointNanos;

    private boolean clippingTold;

    /** Whether the optimiser may have changed weights of a step that is not finished. */
    private boolean applying;

    /** Parts that a loop works with. */
    record Parts(
            Learning learning,
            Outputs outputs,
            Optional<HeldOutLoss> heldOut,
            ProgressListener listener,
            LongSupplier nanoTicker) {}

    /**
     * Parts that a step reads and changes.
     *
     * @param teachers names of those that are mixed, in the order of their numbers; empty where there is one at most
     */
    record Learning(
            Trainable model,
            WindowSequence sequence,
            Optional<StepFeed> feed,
            MicroBatches batches,
            RunSchedules schedules,
            LossProgress loss,
            List<String> teachers) {}

    /** Files that the loop writes to. */
    record Outputs(
            CheckpointStore checkpoints,
            MetricsFile metrics,
            EventFile events,
            Optional<TrajectoryRecorder> recorder,
            Optional<InitialExport> initial) {}

    /**
     * How long and how often, in steps; 0 for only at the end.
     *
     * @param name of the run
     */
    record Plan(
            String name,
            long steps,
            int batch,
            long evaluateEvery,
            TrainingConfig.Checkpoints checkpoints,
            long logEvery,
            double minCoverage) {}

    /** @param checkpointedStep the step that the newest checkpoint is of; −1: there is none */
    TrainingLoop(Parts parts, Plan plan, RunTotals totals, long checkpointedStep) {
        this.parts = parts;
        this.plan = plan;
        this.totals = totals;
        this.checkpointedStep = checkpointedStep;
        this.triedStep = checkpointedStep;
        this.checkpointNanos = parts.nanoTicker().getAsLong();
        this.nllTerm = parts.learning().model().terms().indexOf("nll");
        this.divergenceTerm = parts.learning().model().terms().indexOf("divergence");
    }

    /**
     * Runs to the last step; returns the totals. However else it ends, a checkpoint of the last finished step is left, unless memory
     * was out or the optimiser broke off midway. Asked to stop, it leaves a step unfinished between two micro-batches.
     */
    RunTotals run() throws IOException, InterruptedException {
        try {
            steps();
            return totals;
        } catch (Throwable e) {
            checkpointBeforeEnd(e);
            throw e;
        }
    }

    private void steps() throws IOException, InterruptedException {
        // An evaluation that a run ended before is made up for.
        if (totals.step() == 0 || totals.step() == plan.steps() || isDue(plan.evaluateEvery())) {
            evaluate();
        }
        while (totals.step() < plan.steps()) {
            step();
            boolean last = totals.step() == plan.steps();
            if (!last && parts.listener().isStopRequested()) {
                if (isWhole()) {
                    checkpoint();
                }
                throw stopped("after step " + totals.step());
            }
            if (last || isDue(plan.evaluateEvery())) {
                evaluate();
            }
            if (last || isCheckpointDue()) {
                checkpoint();
            }
        }
        if (parts.outputs().recorder().isPresent()) {
            parts.outputs().recorder().get().finish();
        }
    }

    /** Writes the targets of the first step where that is asked for. */
    private void exportFirst(List<StepFeed.Item> items) throws IOException {
        if (totals.step() == 0
                && parts.outputs().initial().isPresent()
                && parts.learning().feed().isPresent()) {
            parts.outputs()
                    .initial()
                    .get()
                    .writeTargets(
                            items,
                            parts.learning()
                                    .schedules()
                                    .at(1, parts.learning().loss().values())
                                    .teacherTemperature());
        }
    }

    private TrainingStoppedException stopped(String when) {
        return new TrainingStoppedException("stopped as asked " + when + " of " + plan.steps()
                + "; resume goes on from " + (isWhole() ? "there" : "the last checkpoint"));
    }

    /**
     * Returns whether no shard is half recorded: what is recorded of a shard's steps is lost with it, so that a run
     * that records can be resumed where a shard ends.
     */
    private boolean isWhole() {
        return parts.outputs().recorder().map(TrajectoryRecorder::isWhole).orElse(true);
    }

    private boolean isCheckpointDue() {
        if (isDue(plan.checkpoints().every())) {
            return true;
        }
        double minutes = plan.checkpoints().minutes();
        long since = parts.nanoTicker().getAsLong() - checkpointNanos;
        return isWhole() && (parts.outputs().recorder().isPresent() || minutes > 0 && since >= minutes * 60e9);
    }

    /** Leaves a checkpoint of the last finished step, where there is none and the model stands there; says so, or which one stands. */
    private void checkpointBeforeEnd(Throwable cause) {
        if (cause instanceof OutOfMemoryError) {
            parts.listener().onNotice("out of memory after step " + totals.step() + ": " + newest());
            return;
        }
        if (applying) {
            parts.listener()
                    .onNotice("step " + (totals.step() + 1)
                            + " broke off midway, and the model stands between two steps: " + newest());
            return;
        }
        if (checkpointedStep == totals.step()) {
            return;
        }
        if (!isWhole() || triedStep == totals.step()) {
            parts.listener().onNotice("step " + totals.step() + ": no checkpoint: " + newest());
            return;
        }
        try {
            checkpoint();
            parts.listener()
                    .onNotice(
                            "step " + totals.step() + ": checkpoint written before the end; --resume goes on from it");
        } catch (IOException | RuntimeException e) {
            cause.addSuppressed(e);
            parts.listener().onNotice(e.getMessage() + "; " + newest());
        }
    }

    /** Returns in words the newest checkpoint, and the command that goes on from it. */
    private String newest() {
        return checkpointedStep < 0
                ? "there is no checkpoint; the same command begins anew"
                : "the newest checkpoint is of step " + checkpointedStep
                        + "; the same command with --resume goes on from it";
    }

    private boolean isDue(long every) {
        return every > 0 && totals.step() % every == 0;
    }

    private void step() throws IOException, InterruptedException {
        long start = parts.nanoTicker().getAsLong();
        long stalledBefore = stallNanos();
        List<StepFeed.Item> items = items();
        requireCoverage(items);
        exportFirst(items);
        if (parts.outputs().recorder().isPresent()) {
            parts.outputs()
                    .recorder()
                    .get()
                    .record(
                            totals.step() + 1,
                            items.stream().map(StepFeed.Item::window).toList());
        }
        ProgressListener.Update update = optimise(items);
        List<String> alarms = alarms(update);
        totals.applied(items, parts.learning().feed().isPresent());
        applying = false;
        long nanos = parts.nanoTicker().getAsLong() - start;
        totals.spent(nanos, stallNanos() - stalledBefore);
        log(update, positions(items), nanos);
        for (String alarm : alarms) {
            parts.outputs().metrics().alarm(totals.step(), totals.seconds(), alarm);
        }
    }

    private List<StepFeed.Item> items() throws InterruptedException {
        if (parts.learning().feed().isPresent()) {
            return parts.learning().feed().get().next(plan.batch());
        }
        long first = totals.step() * plan.batch();
        return LongStream.range(first, first + plan.batch())
                .mapToObj(place -> new StepFeed.Item(parts.learning().sequence().at(place), Optional.empty()))
                .toList();
    }

    private void requireCoverage(List<StepFeed.Item> items) {
        if (parts.learning().feed().isEmpty()) {
            return;
        }
        long needed = positions(items);
        long used = positions(
                items.stream().filter(item -> item.targets().isPresent()).toList());
        if (used < plan.minCoverage() * needed || used == 0) {
            List<String> failures = parts.learning().feed().get().failures();
            throw new TrainingStoppedException("step %d: coverage %.4f (expected: at least %s); asked again in vain: %s"
                    .formatted(
                            totals.step() + 1,
                            (double) used / needed,
                            plan.minCoverage(),
                            String.join("; ", failures)));
        }
    }

    private ProgressListener.Update optimise(List<StepFeed.Item> items) {
        StepValues values = parts.learning()
                .schedules()
                .at(totals.step() + 1, parts.learning().loss().values());
        List<MicroBatches.OfTeacher> batches = parts.learning().batches().of(items, values);
        double[] sums = new double[parts.learning().model().terms().size()];
        double[][] byTeacher = new double[parts.learning().teachers().size()][sums.length];
        for (MicroBatches.OfTeacher batch : batches) {
            if (parts.listener().isStopRequested()) {
                throw stopped("in step " + (totals.step() + 1) + ", nothing of which was applied, after step "
                        + totals.step());
            }
            double[] part = parts.learning().model().accumulate(batch.batch());
            for (int i = 0; i < sums.length; i++) {
                sums[i] += part[i];
                if (byTeacher.length > 0) {
                    byTeacher[batch.teacher()][i] += part[i];
                }
            }
        }
        applying = true;
        double norm = parts.learning().model().apply(values.learningRate());
        if (!Double.isFinite(norm)) {
            applying = false;
            throw new TrainingStoppedException("step " + (totals.step() + 1) + ": gradient norm " + norm + ", loss "
                    + sums[0] + " (expected: finite); nothing was applied");
        }
        MicroBatches.Counts counts = MicroBatches.Counts.of(items);
        // Rows of weight 0 leave no divergence behind.
        long distilled = (values.alpha() > 0 ? counts.coveredData() : 0)
                + (parts.learning().batches().singleStep() ? counts.coveredOwn() : 0);
        double divergence = divergenceTerm < 0 || distilled == 0 ? Double.NaN : sums[divergenceTerm] / distilled;
        double nll = nllTerm < 0 ? sums[0] : counts.data() == 0 ? Double.NaN : sums[nllTerm] / counts.data();
        if (distilled > 0) {
            parts.learning().loss().stepped(new LossState.Step(totals.step() + 1, nll, divergence));
        }
        return new ProgressListener.Update(
                sums[0],
                nll,
                divergence,
                scheduled(values),
                ownText(sums, counts.coveredOwn()),
                byTeacher(items, byTeacher, values),
                norm);
    }

    /** Returns the step's figures on each of several teachers' windows, by name; none where one is learnt from. */
    private Map<String, ProgressListener.OfTeacher> byTeacher(
            List<StepFeed.Item> items, double[][] sums, StepValues values) {
        Map<String, ProgressListener.OfTeacher> all = new LinkedHashMap<>();
        for (int i = 0; i < sums.length; i++) {
            int teacher = i;
            MicroBatches.Counts counts = MicroBatches.Counts.of(
                    items.stream().filter(item -> item.teacher() == teacher).toList());
            boolean distilled = counts.coveredData() > 0 && values.alpha() > 0 && divergenceTerm >= 0;
            all.put(
                    parts.learning().teachers().get(i),
                    new ProgressListener.OfTeacher(
                            counts.data(),
                            nllTerm < 0 || counts.data() == 0 ? Double.NaN : sums[i][nllTerm] / counts.data(),
                            distilled ? sums[i][divergenceTerm] / counts.coveredData() : Double.NaN));
        }
        return all;
    }

    private Map<String, Double> scheduled(StepValues values) {
        Map<String, Double> named = new LinkedHashMap<>(
                values.named(parts.learning().batches().loss().isPresent()));
        parts.learning().feed().ifPresent(feed -> named.putAll(feed.scheduled()));
        return named;
    }

    /** Means over the tokens of own text that had a target, by name; none where the step had none. */
    private Map<String, Double> ownText(double[] sums, long tokens) {
        Map<String, Double> means = new LinkedHashMap<>();
        List<String> terms = parts.learning().model().terms();
        for (int i = 0; i < terms.size() && tokens > 0; i++) {
            if (OwnText.TERMS.contains(terms.get(i))) {
                means.put(terms.get(i), sums[i] / tokens);
            }
        }
        parts.learning().feed().ifPresent(feed -> means.putAll(feed.ownText()));
        return means;
    }

    /**
     * Returns warnings of the step's own text: those of its feed, and the first share of clipped ratios that is too
     * great, which is told.
     */
    private List<String> alarms(ProgressListener.Update update) {
        List<String> alarms =
                new ArrayList<>(parts.learning().feed().map(StepFeed::alarms).orElse(List.of()));
        double clipped = update.ownText().getOrDefault("clipped", 0.0);
        if (clipped > MOST_CLIPPED && !clippingTold) {
            clippingTold = true;
            String line =
                    "of the ratios of new and old student a share of " + clipped + " is clipped (expected: at most "
                            + MOST_CLIPPED + "); fewer ppo_epochs or a lower learning_rate keep the student nearer";
            parts.listener().onNotice("step " + (totals.step() + 1) + ": " + line);
            alarms.add(line);
        }
        return alarms;
    }

    private void log(ProgressListener.Update update, long positions, long nanos) throws IOException {
        ProgressListener.Step step = new ProgressListener.Step(
                totals.step(),
                plan.steps(),
                update,
                new ProgressListener.Pace(
                        positions, positions * 1e9 / Math.max(1, nanos), totals.stallFraction(), totals.seconds()),
                totals.coverage(),
                totals.positionsBySource(),
                totals.coverageByTeacher());
        if (totals.step() % plan.logEvery() == 0 || totals.step() == plan.steps()) {
            parts.outputs().metrics().step(step);
            parts.outputs().events().scalars(totals.step(), StepMetric.scalars(step));
        }
        parts.listener().onStep(step);
    }

    /** Evaluation reads the model and changes nothing of it; its time is not training time. */
    private void evaluate() throws IOException {
        if (parts.heldOut().isEmpty() || totals.isEvaluated()) {
            return;
        }
        RunState.HeldOut result =
                totals.evaluated(parts.heldOut().get().of(parts.learning().model(), this::requireGoOn));
        parts.outputs().metrics().heldOut(result);
        parts.outputs().events().scalars(result.step(), Map.of("held_out/nll", result.nll()));
        parts.listener().onEvaluation(result);
        parts.learning().feed().ifPresent(feed -> feed.evaluated(result.nll()));
    }

    private void requireGoOn() {
        if (parts.listener().isStopRequested()) {
            throw stopped("while evaluating step " + totals.step());
        }
    }

    private void checkpoint() throws IOException {
        long start = parts.nanoTicker().getAsLong();
        long next = totals.step() * plan.batch();
        triedStep = totals.step(); // whatever comes of it, it is not tried again
        RunState state = totals.state(
                new RunState.Cursor(
                        parts.learning().sequence().epoch(next),
                        parts.learning().sequence().index(next)),
                new RunState.FileLengths(
                        forced(parts.outputs().metrics()::force, parts.outputs().metrics()::wholeBytes),
                        forced(parts.outputs().events()::force, parts.outputs().events()::wholeBytes)),
                progress());
        parts.outputs().checkpoints().write(plan.name(), state, parts.learning().model()::saveState);
        checkpointedStep = totals.step();
        checkpointNanos = parts.nanoTicker().getAsLong();
        if (totals.step() < plan.steps()) {
            // The last checkpoint cannot hold the time that writing it takes, and a run resumed from it ends with what
            // it holds.
            totals.spent(parts.nanoTicker().getAsLong() - start, 0);
        }
        parts.listener().onCheckpoint(totals.step());
    }

    /** Returns the values of schedules that follow the loss. */
    private Map<String, Double> progress() {
        Map<String, Double> progress = new TreeMap<>(parts.learning().loss().saved());
        progress.putAll(totals.saved());
        parts.learning().feed().ifPresent(feed -> progress.putAll(feed.saved(totals.step())));
        return progress;
    }

    private interface Forcing {
        long force() throws IOException;
    }

    /** The run does not depend on these files: a disk that refuses them may still take the checkpoint. */
    private static long forced(Forcing file, LongSupplier wholeBytes) {
        try {
            return file.force();
        } catch (IOException e) {
            return wholeBytes.getAsLong();
        }
    }

    private long stallNanos() {
        return parts.learning().feed().map(StepFeed::stallNanos).orElse(0L);
    }

    private static long positions(List<StepFeed.Item> items) {
        return items.stream()
                .mapToLong(item -> item.window().positions().length)
                .sum();
    }
}
