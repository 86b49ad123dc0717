package dev.lyne.teacher.batch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.teacher.model.ScoreJob;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class BatchQueueTest {
    private static final long DEADLINE = 1_000;

    private static final class Job extends FakeJob {
        private final long lateAfter;

        Job(int length, int k, long lateAfter) {
            super(length, 1, k);
            this.lateAfter = lateAfter;
        }

        @Override
        public boolean overdue(long nowNanos) {
            return nowNanos >= lateAfter;
        }
    }

    private final BatchQueue queue = queue(Integer.MAX_VALUE);

    private static BatchQueue queue(int maxSequences) {
        return new BatchQueue(
                new BatchOptions(1_000, Duration.ofNanos(DEADLINE), 0.2, maxSequences), new ForwardCosts());
    }

    private static Job job(int length) {
        return new Job(length, 8, Long.MAX_VALUE);
    }

    private List<Integer> lengths(BatchQueue.Decision decision) {
        assertThat(decision).isInstanceOf(BatchQueue.Decision.Run.class);
        return ((BatchQueue.Decision.Run) decision)
                .batch().stream().map(BatchQueue.Waiting::length).toList();
    }

    private void add(int... lengths) {
        for (int length : lengths) {
            queue.add(job(length), 0);
        }
    }

    @Test
    void next_emptyQueue_isEmpty() {
        assertThat(queue.next(0)).isInstanceOf(BatchQueue.Decision.Empty.class);
    }

    @Test
    void next_budgetFull_runsAtOnce() {
        add(250, 250, 250, 250, 250);

        assertThat(lengths(queue.next(0))).containsExactly(250, 250, 250, 250);
        assertThat(queue.size()).isEqualTo(1);
        assertThat(queue.tokens()).isEqualTo(250);
    }

    @Test
    void next_budgetNotFull_waitsForTheDeadlineOfTheOldest() {
        queue.add(job(250), 100);
        queue.add(job(250), 900);

        assertThat(queue.next(1_000)).isEqualTo(new BatchQueue.Decision.Wait(100));
        assertThat(lengths(queue.next(1_100))).containsExactly(250, 250);
    }

    @Test
    void next_longerThanBudget_runsAloneAtOnce() {
        add(5_000, 5_000);

        assertThat(lengths(queue.next(0))).containsExactly(5_000);
    }

    @Test
    void next_mixedLengths_boundsPadding() {
        add(100, 10, 95, 11, 90);

        assertThat(lengths(queue.next(DEADLINE))).containsExactly(90, 95, 100);
        assertThat(lengths(queue.next(DEADLINE))).containsExactly(10, 11);
    }

    @Test
    void next_otherSelection_isLeftForItsOwnBatch() {
        queue.add(new Job(250, 8, Long.MAX_VALUE), 0);
        queue.add(new Job(250, 16, Long.MAX_VALUE), 0);
        queue.add(new Job(250, 8, Long.MAX_VALUE), 0);

        assertThat(lengths(queue.next(DEADLINE))).containsExactly(250, 250);
        assertThat(lengths(queue.next(DEADLINE))).containsExactly(250);
    }

    @Test
    void next_oneSequenceABatch_neverWaits() {
        BatchQueue deterministic = queue(1);
        deterministic.add(job(10), 0);
        deterministic.add(job(10), 0);

        assertThat(lengths(deterministic.next(0))).containsExactly(10);
        assertThat(lengths(deterministic.next(0))).containsExactly(10);
    }

    @Test
    void next_randomArrivals_alwaysRunsTheOldestWithinBudgetAndPadding() {
        long seed = 20261121;
        Random random = new Random(seed);
        List<Job> arrived = new ArrayList<>();
        for (int round = 0; round < 500; round++) {
            for (int i = random.nextInt(8); i > 0; i--) {
                Job job = new Job(1 + random.nextInt(1_200), 8 << random.nextInt(2), Long.MAX_VALUE);
                arrived.add(job);
                queue.add(job, round);
            }
            if (queue.next(round + DEADLINE) instanceof BatchQueue.Decision.Run run) {
                List<ScoreJob> batch =
                        run.batch().stream().map(BatchQueue.Waiting::job).toList();
                int longest = run.batch().stream()
                        .mapToInt(BatchQueue.Waiting::length)
                        .max()
                        .orElseThrow();
                int sum = run.batch().stream()
                        .mapToInt(BatchQueue.Waiting::length)
                        .sum();
                assertThat(batch).as("seed %d round %d", seed, round).contains(arrived.get(0));
                assertThat(longest * batch.size()).isLessThanOrEqualTo(Math.max(1_000, longest));
                assertThat((double) sum).isGreaterThanOrEqualTo(0.8 * longest * batch.size());
                assertThat(batch.stream().map(ScoreJob::content).distinct()).hasSize(1);
                arrived.removeAll(batch);
            }
        }
    }

    @Test
    void remove_queued_isGone() {
        Job job = job(250);
        queue.add(job, 0);

        assertThat(queue.remove(job)).isTrue();
        assertThat(queue.remove(job)).isFalse();
        assertThat(queue.tokens()).isZero();
        assertThat(queue.next(DEADLINE)).isInstanceOf(BatchQueue.Decision.Empty.class);
    }

    @Test
    void overdue_somePassed_namesThose() {
        Job late = new Job(10, 8, 50);
        queue.add(job(10), 0);
        queue.add(late, 0);

        assertThat(queue.overdue(49)).isEmpty();
        assertThat(queue.overdue(50)).containsExactly(late);
    }
}
