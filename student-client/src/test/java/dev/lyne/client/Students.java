package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Parts that the tests of streams have in common. */
final class Students {
    static final Selection SELECTION = new Selection.TopK(8, List.of(0.5f, 2f));
    static final TargetRequest REQUEST = new TargetRequest(SELECTION, TeacherExpectation.any());

    private Students() {}

    static ClientOptions options() {
        return optionsBuilder().build();
    }

    /** Small windows and short delays, for a test to change. */
    static ClientOptions.Builder optionsBuilder() {
        return ClientOptions.builder()
                .window(12, 100_000)
                .retryFor(Duration.ofSeconds(20))
                .backoff(Duration.ofMillis(5), Duration.ofMillis(40))
                .seed(1);
    }

    static TargetSequence sequence(long id, SplittableRandom random) {
        int[] tokens =
                random.ints(random.nextInt(2, 40), 0, FakeTeacher.VOCABULARY).toArray();
        return TargetSequence.whole(id, tokens);
    }

    static List<TargetSequence> sequences(int count, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<TargetSequence> sequences = new ArrayList<>();
        for (int id = 0; id < count; id++) {
            sequences.add(sequence(id, random));
        }
        return sequences;
    }

    /** Offers and takes all of them, as a trainer would. */
    static List<Targets> takeAll(TargetStream stream, List<TargetSequence> sequences) throws InterruptedException {
        List<Targets> taken = new ArrayList<>();
        int offered = 0;
        while (taken.size() < sequences.size()) {
            while (offered < sequences.size() && stream.offer(sequences.get(offered))) {
                offered++;
            }
            taken.add(stream.take());
        }
        return taken;
    }

    /** Every sequence once, in order, with the rows that the model gives it. */
    static void assertExactly(List<Targets> taken, List<TargetSequence> sequences, RandomLogits model) {
        assertThat(taken).extracting(Targets::sequence).isEqualTo(sequences);
        for (Targets targets : taken) {
            TargetSequence sequence = targets.sequence();
            RowColumns rows = model.columns(sequence, SELECTION);
            assertThat(targets.positions()).isEqualTo(sequence.positions());
            assertThat(targets.columns().counts()).isEqualTo(rows.counts());
            assertThat(targets.columns().ids()).isEqualTo(rows.ids());
            assertThat(targets.columns().logProbabilities()).isEqualTo(rows.logProbabilities());
            assertThat(targets.columns().logTailMass()).isEqualTo(rows.logTailMass());
            assertThat(targets.columns().labelLogProbability()).isEqualTo(rows.labelLogProbability());
            assertThat(targets.columns().temperatureOffsets()).isEqualTo(rows.temperatureOffsets());
        }
    }
}
