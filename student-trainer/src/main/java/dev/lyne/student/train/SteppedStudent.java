package dev.lyne.student.train;

import dev.lyne.client.StreamStatistics;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSource;
import dev.lyne.client.TargetStream;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.lm.training.Trainable;
import dev.lyne.student.tokens.TextEncoder;
import dev.lyne.student.tokens.TokenStore;
import dev.lyne.student.tokens.Windows;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A student whose optimiser steps its owner takes one by one, for measurements: each fed by the teacher's stream, or from memory. It
 * leaves no files. Owned by one thread.
 */
public final class SteppedStudent implements AutoCloseable {
    private static final Duration POLL = Duration.ofMillis(1);

    private final TrainingConfig config;
    private final Tokenizer tokenizer;
    private final Trainable model;
    private final TargetSource source;
    private final WindowSequence sequence;
    private final TargetRequest request;
    private final MicroBatches batches;
    private final StepValues values;

    /** A step's windows with their targets. */
    public static final class Kept {
        private final List<StepFeed.Item> items;

        private Kept(List<StepFeed.Item> items) {
            this.items = items;
        }
    }

    private SteppedStudent(
            TrainingConfig config, Tokenizer tokenizer, Trainable model, TargetSource source, Windows windows) {
        this.config = config;
        this.tokenizer = tokenizer;
        this.model = model;
        this.source = source;
        this.sequence = new WindowSequence(
                RunTargets.sampled(windows, config.data().windows()),
                config.run().seed());
        this.request = RunTargets.request(config.distillation(), source, tokenizer, null, false);
        this.batches = new MicroBatches(
                config.data().microBatchTokens(),
                Optional.of(config.distillation().loss()));
        long steps = config.run().length().steps();
        this.values = RunSchedules.of(config, steps)
                .at(
                        1,
                        LossProgress.of(config.distillation().loss(), steps, Map.of())
                                .values());
    }

    /**
     * Opens the student of a run.
     *
     * @param config of a run with a teacher
     */
    @SuppressWarnings("MustBeClosedChecker") // closed with the student
    public static SteppedStudent open(TrainingConfig config) throws IOException {
        Trainer.OpenedResources resources = new Trainer.OpenedResources();
        RunInputs inputs = RunInputs.find(config);
        Tokenizer tokenizer = Tokenizer.load(config.tokenizerDirectory());
        Windows windows = new Windows(
                TokenStore.open(
                        config.data().cache(),
                        inputs.corpus(),
                        TextEncoder.of(tokenizer, inputs.wrapping(tokenizer, config.data())),
                        1,
                        (done, total) -> {}),
                config.data().context());
        return new SteppedStudent(
                config,
                tokenizer,
                resources.openStudent(config, tokenizer.vocabularySize()).model(),
                resources.openTeachers(config),
                windows);
    }

    /** The first steps' windows with their targets, from a stream of their own, as fast as they come. */
    public List<Kept> keep(long steps) throws InterruptedException {
        int batch = config.data().batch();
        List<Kept> kept = new ArrayList<>();
        try (StepFeed feed = new TargetFeed(
                TargetFeed.Teachers.of(source.open(request)),
                sequence,
                0,
                steps * batch,
                System::nanoTime,
                () -> false)) {
            for (long step = 0; step < steps; step++) {
                kept.add(new Kept(feed.next(batch)));
            }
        }
        return kept;
    }

    /** A stream of the same windows, from the first on. It goes on beyond the last step, so that each asks for as much as it takes. */
    public Fed feed() {
        TargetStream stream = source.open(request);
        return new Fed(
                stream,
                new TargetFeed(
                        TargetFeed.Teachers.of(stream), sequence, 0, Long.MAX_VALUE, System::nanoTime, () -> false));
    }

    /** Takes a step from memory. */
    public void step(Kept kept) {
        step(kept.items);
    }

    private void step(List<StepFeed.Item> items) {
        for (MicroBatches.OfTeacher batch : batches.of(items, values)) {
            model.accumulate(batch.batch());
        }
        model.apply(values.learningRate());
    }

    @Override
    public void close() {
        source.close();
        model.close();
        tokenizer.close();
    }

    /** Steps that a stream feeds. */
    public final class Fed implements AutoCloseable {
        private final TargetStream stream;
        private final StepFeed feed;

        private Fed(TargetStream stream, StepFeed feed) {
            this.stream = stream;
            this.feed = feed;
        }

        /** Takes a step. */
        public void step() throws InterruptedException {
            SteppedStudent.this.step(feed.next(config.data().batch()));
        }

        /** Waits until nothing that was asked for is on its way any more. */
        public void awaitQuiet() throws InterruptedException {
            for (StreamStatistics now = stream.statistics();
                    now.received().sequences() + now.failedSequences()
                            < now.asked().sequences();
                    now = stream.statistics()) {
                Thread.sleep(POLL.toMillis());
            }
        }

        @Override
        public void close() {
            stream.close();
        }
    }
}
