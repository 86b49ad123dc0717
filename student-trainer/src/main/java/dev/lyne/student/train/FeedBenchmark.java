package dev.lyne.student.train;

import dev.lyne.client.StreamStatistics;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSource;
import dev.lyne.client.TargetStream;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.lm.training.Trainable;
import dev.lyne.lm.training.TrainingBatch;
import dev.lyne.student.tokens.TextEncoder;
import dev.lyne.student.tokens.TokenStore;
import dev.lyne.student.tokens.Windows;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Optimiser steps of one student in this process, fed by a teacher's stream and from memory in turns: pairs of steps on the same
 * windows, the stream first in every other pair. A streamed step lasts until nothing that it asked for is on its way any more, so that
 * none of the stream's work falls into the other's time.
 */
public final class FeedBenchmark {
    /** Whole passes over the stream before anything is measured: a server or client of hours has compiled what it runs. */
    private static final int WARM_UP_PASSES = 20;

    private static final int WARM_UP_STEPS = 3;
    private static final Duration POLL = Duration.ofMillis(1);

    private FeedBenchmark() {}

    /**
     * Seconds of both steps, each pair.
     *
     * @param stream fed by the stream
     * @param memory fed from memory
     */
    @SuppressWarnings("ArrayRecordComponent") // a carrier of figures
    public record Pairs(double[] stream, double[] memory) {}

    /**
     * Measures.
     *
     * @param config of a run with a teacher; its steps are the pairs
     */
    public static Pairs run(TrainingConfig config) throws IOException, InterruptedException {
        Trainer.RealSurroundings surroundings = new Trainer.RealSurroundings();
        RunInputs inputs = RunInputs.find(config);
        try (Tokenizer tokenizer = Tokenizer.load(config.tokenizerDirectory());
                Trainable model = surroundings
                        .openStudent(config, tokenizer.vocabularySize())
                        .model();
                TargetSource source = surroundings.openTeachers(config)) {
            Windows windows = new Windows(
                    TokenStore.open(
                            config.data().cache(),
                            inputs.corpus(),
                            TextEncoder.of(tokenizer, inputs.wrapping(tokenizer, config.data())),
                            1,
                            (done, total) -> {}),
                    config.data().context());
            WindowSequence sequence = new WindowSequence(
                    RunTargets.sampled(windows, config.data().windows()),
                    config.run().seed());
            TargetRequest request = RunTargets.request(config.distillation(), source, tokenizer, null, false);
            var learner = new Learner(config, model);
            List<List<StepItem>> kept = List.of();
            for (int pass = 0; pass < WARM_UP_PASSES; pass++) {
                kept = first(WARM_UP_STEPS + config.run().steps(), source, request, sequence, config);
            }
            try (TargetStream stream = source.open(request)) {
                // It goes on beyond the last step, so that every step asks for as much as it takes.
                StepFeed feed = new TargetFeed(stream, sequence, 0, Long.MAX_VALUE, System::nanoTime, () -> false);
                for (int step = 0; step < WARM_UP_STEPS; step++) {
                    learner.step(feed.next(config.data().batch()));
                }
                awaitQuiet(stream);
                return pairs(learner, stream, feed, kept.subList(WARM_UP_STEPS, kept.size()));
            }
        }
    }

    private static Pairs pairs(Learner learner, TargetStream stream, StepFeed feed, List<List<StepItem>> kept)
            throws InterruptedException {
        var pairs = new Pairs(new double[kept.size()], new double[kept.size()]);
        for (int pair = 0; pair < kept.size(); pair++) {
            boolean streamFirst = pair % 2 == 0;
            for (boolean streamed : new boolean[] {streamFirst, !streamFirst}) {
                List<StepItem> same = kept.get(pair);
                long start = System.nanoTime();
                learner.step(streamed ? feed.next(same.size()) : same);
                if (streamed) {
                    awaitQuiet(stream);
                }
                (streamed ? pairs.stream : pairs.memory)[pair] = (System.nanoTime() - start) / 1e9;
            }
        }
        return pairs;
    }

    private static void awaitQuiet(TargetStream stream) throws InterruptedException {
        for (StreamStatistics now = stream.statistics();
                now.receivedSequences() + now.failedSequences() < now.askedSequences();
                now = stream.statistics()) {
            Thread.sleep(POLL.toMillis());
        }
    }

    /** So many steps' windows with their targets, as fast as they come. */
    private static List<List<StepItem>> first(
            long steps, TargetSource source, TargetRequest request, WindowSequence sequence, TrainingConfig config)
            throws InterruptedException {
        int batch = config.data().batch();
        List<List<StepItem>> items = new ArrayList<>();
        try (StepFeed feed =
                new TargetFeed(source.open(request), sequence, 0, steps * batch, System::nanoTime, () -> false)) {
            for (long step = 0; step < steps; step++) {
                items.add(feed.next(batch));
            }
        }
        return items;
    }

    /** Takes steps. */
    private static final class Learner {
        private final MicroBatches batches;
        private final StepValues values;
        private final Trainable model;

        Learner(TrainingConfig config, Trainable model) {
            this.batches = new MicroBatches(
                    config.data().microBatchTokens(),
                    Optional.of(config.distillation().loss()));
            this.values = RunSchedules.of(config, config.run().steps()).at(1, 1);
            this.model = model;
        }

        void step(List<StepItem> items) {
            for (TrainingBatch batch : batches.of(items, values)) {
                model.accumulate(batch);
            }
            model.apply(values.learningRate());
        }
    }
}
