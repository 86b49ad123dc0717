package dev.lyne.student.train;

import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.lm.training.Trainable;
import dev.lyne.lm.training.TrainingBatch;
import dev.lyne.student.client.TargetRequest;
import dev.lyne.student.client.TargetSource;
import dev.lyne.student.tokens.TextEncoder;
import dev.lyne.student.tokens.TokenStore;
import dev.lyne.student.tokens.Windows;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Optimiser steps of one student in this process, fed by a teacher's stream and from memory in turns: a round of each, the same windows
 * in both. The figure of a round is the median of its steps, so that neither opening a stream nor a hiccup counts.
 */
public final class FeedBenchmark {
    private static final int WARM_UP_STEPS = 3;

    private FeedBenchmark() {}

    /**
     * Medians, in seconds.
     *
     * @param stream of a step fed by the stream, each round
     * @param memory of a step fed from memory
     */
    @SuppressWarnings("ArrayRecordComponent") // a carrier of figures
    public record Rounds(double[] stream, double[] memory) {}

    /**
     * Measures.
     *
     * @param config of a run with a teacher; its steps are those of a round
     * @param rounds of each kind
     */
    public static Rounds run(TrainingConfig config, int rounds) throws IOException, InterruptedException {
        Trainer.RealSurroundings surroundings = new Trainer.RealSurroundings();
        RunInputs inputs = RunInputs.find(config);
        int steps = Math.toIntExact(config.run().steps());
        try (Tokenizer tokenizer = Tokenizer.load(config.tokenizerDirectory());
                Trainable model = surroundings
                        .openStudent(config, tokenizer.vocabularySize())
                        .model();
                TargetSource source = surroundings.openTeachers(config)) {
            Windows windows = new Windows(
                    TokenStore.open(
                            config.data().cache(), inputs.corpus(), TextEncoder.of(tokenizer), 1, (done, total) -> {}),
                    config.data().context());
            WindowSequence sequence = new WindowSequence(
                    RunTargets.sampled(windows, config.data().windows()),
                    config.run().seed());
            TargetRequest request = RunTargets.request(config.distillation(), source, tokenizer, null);
            var learner = new Learner(config, model, tokenizer.vocabularySize());
            List<List<StepItem>> kept = new ArrayList<>();
            try (StepFeed feed = feed(source, request, sequence, config)) {
                for (int step = 0; step < steps; step++) {
                    kept.add(feed.next(config.data().batch()));
                }
            }
            for (int step = 0; step < WARM_UP_STEPS; step++) {
                learner.step(kept.get(step));
            }
            double[] stream = new double[rounds];
            double[] memory = new double[rounds];
            for (int round = 0; round < rounds; round++) {
                boolean streamFirst = round % 2 == 0;
                for (boolean streamed : new boolean[] {streamFirst, !streamFirst}) {
                    if (streamed) {
                        try (StepFeed feed = feed(source, request, sequence, config)) {
                            stream[round] = learner.median(
                                    steps, step -> feed.next(config.data().batch()));
                        }
                    } else {
                        memory[round] = learner.median(steps, kept::get);
                    }
                }
            }
            return new Rounds(stream, memory);
        }
    }

    private static StepFeed feed(
            TargetSource source, TargetRequest request, WindowSequence sequence, TrainingConfig config) {
        long end = config.run().steps() * config.data().batch();
        return new TargetFeed(source.open(request), sequence, 0, end, System::nanoTime);
    }

    private interface Items {
        List<StepItem> of(int step) throws InterruptedException;
    }

    /** Takes steps. */
    private static final class Learner {
        private final MicroBatches batches;
        private final StepValues values;
        private final Trainable model;

        Learner(TrainingConfig config, Trainable model, int vocabularySize) {
            this.batches = new MicroBatches(
                    config.data().microBatchTokens(),
                    Optional.of(config.distillation().loss()),
                    vocabularySize);
            this.values = RunSchedules.of(config, config.run().steps()).at(1, 1);
            this.model = model;
        }

        double median(int steps, Items items) throws InterruptedException {
            double[] seconds = new double[steps];
            for (int step = 0; step < steps; step++) {
                long start = System.nanoTime();
                step(items.of(step));
                seconds[step] = (System.nanoTime() - start) / 1e9;
            }
            Arrays.sort(seconds);
            return seconds[steps / 2];
        }

        void step(List<StepItem> items) {
            for (TrainingBatch batch : batches.of(items, values)) {
                model.accumulate(batch);
            }
            model.apply(values.learningRate());
        }
    }
}
