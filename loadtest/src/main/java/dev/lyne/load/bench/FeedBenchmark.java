package dev.lyne.load.bench;

import dev.lyne.student.train.SteppedStudent;
import dev.lyne.student.train.TrainingConfig;
import java.io.IOException;
import java.util.List;

/**
 * Optimiser steps of one student in this process, fed by a teacher's stream and from memory in turns: pairs of steps on the same
 * windows, the stream first in every other pair. A streamed step lasts until nothing that it asked for is on its way any more, so that
 * none of the stream's work falls into the other's time.
 */
final class FeedBenchmark {
    /**
     * Whole passes over the stream before anything is measured, as many as the pairs where those are fewer: a server or client of
     * hours has compiled what it runs.
     */
    private static final int WARM_UP_PASSES = 20;

    private static final int WARM_UP_STEPS = 3;

    private FeedBenchmark() {}

    /**
     * Seconds of both steps, each pair.
     *
     * @param stream fed by the stream
     * @param memory fed from memory
     */
    @SuppressWarnings("ArrayRecordComponent") // a carrier of figures
    record Pairs(double[] stream, double[] memory) {}

    /**
     * Measures.
     *
     * @param config of a run with a teacher; its steps are the pairs
     */
    static Pairs run(TrainingConfig config) throws IOException, InterruptedException {
        try (SteppedStudent student = SteppedStudent.open(config)) {
            long pairs = config.run().length().steps();
            List<SteppedStudent.Kept> kept = List.of();
            for (long pass = 0; pass < Math.min(WARM_UP_PASSES, pairs); pass++) {
                kept = student.keep(WARM_UP_STEPS + pairs);
            }
            try (SteppedStudent.Fed stream = student.feed()) {
                for (int step = 0; step < WARM_UP_STEPS; step++) {
                    stream.step();
                }
                stream.awaitQuiet();
                return pairs(student, stream, kept.subList(WARM_UP_STEPS, kept.size()));
            }
        }
    }

    private static Pairs pairs(SteppedStudent student, SteppedStudent.Fed stream, List<SteppedStudent.Kept> kept)
            throws InterruptedException {
        var pairs = new Pairs(new double[kept.size()], new double[kept.size()]);
        for (int pair = 0; pair < kept.size(); pair++) {
            boolean streamFirst = pair % 2 == 0;
            for (boolean streamed : new boolean[] {streamFirst, !streamFirst}) {
                long start = System.nanoTime();
                if (streamed) {
                    stream.step();
                    stream.awaitQuiet();
                } else {
                    student.step(kept.get(pair));
                }
                (streamed ? pairs.stream : pairs.memory)[pair] = (System.nanoTime() - start) / 1e9;
            }
        }
        return pairs;
    }
}
