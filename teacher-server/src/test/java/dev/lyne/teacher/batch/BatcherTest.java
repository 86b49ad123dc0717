package dev.lyne.teacher.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.model.TeacherDescription;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

final class BatcherTest {
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();

    private static final class Job extends FakeJob {
        private final AtomicReference<String> told = new AtomicReference<>("");
        private final boolean live;

        Job(boolean live) {
            super(100, 1, 2);
            this.live = live;
        }

        @Override
        public boolean start(long nowNanos) {
            return live;
        }

        @Override
        public void scored(ScoreOutcome.Scored rows) {
            told.set("scored on " + Thread.currentThread().getName());
        }

        @Override
        public void failed(Failure failure) {
            told.set(failure.reason().name());
        }

        void awaitTold(String expected) {
            await().untilAsserted(() -> assertThat(told.get()).isEqualTo(expected));
        }
    }

    private Batcher batcher(LocalModel teacher, int tokens, Duration deadline) {
        return new Batcher(
                teacher,
                new BatchOptions(tokens, deadline, 0.1, Integer.MAX_VALUE),
                1,
                System::nanoTime,
                new BatchMetrics(registry, "fake"));
    }

    @Test
    void score_whatWouldWaitTooLong_isRefusedWithATimeToAskAgain() throws Exception {
        FakeTeacher teacher = new FakeTeacher("fake", 1_000, 1_024);
        AtomicLong now = new AtomicLong(1);
        try (Batcher batcher = new Batcher(
                teacher,
                new BatchOptions(100, Duration.ZERO, 0.1, 1).withMaxQueue(Duration.ofSeconds(2)),
                1,
                now::get,
                new BatchMetrics(registry, "fake"))) {
            teacher.hold();
            Job measured = new Job(true);
            batcher.score(measured);
            await().until(() -> teacher.batches().size() == 1);
            now.addAndGet(1_000_000_000); // a second a sequence
            teacher.allowOne();
            measured.awaitTold("scored on lyne-encode-fake");
            Job running = new Job(true);
            batcher.score(running);
            await().until(() -> teacher.batches().size() == 2);
            for (int i = 0; i < 3; i++) {
                batcher.score(new Job(true));
            }
            now.addAndGet(900_000_000);
            assertThat(batcher.score(new Job(true))).isTrue();
            assertThat(batcher.queuedSequences()).as("a burst is let in").isEqualTo(4);
            now.addAndGet(900_000_000);
            Job last = new Job(true);
            assertThat(batcher.score(last)).isTrue();
            last.awaitTold("OVERLOADED");
            assertThat(batcher.queueLines())
                    .singleElement()
                    .satisfies(line -> assertThat(line.seconds()).isBetween(3.5, 4.5));
            assertThat(registry.get("lyne.teacher.queue.shed").counter().count())
                    .isEqualTo(1);
            teacher.allowAll();
        }
    }

    @Test
    void expireOverdue_whileTheDeviceIsAtABatch_endsTheWaitOfWhatIsBehindIt() throws Exception {
        FakeTeacher teacher = new FakeTeacher("fake", 1_000, 1_024);
        AtomicLong now = new AtomicLong(1);
        try (Batcher batcher = new Batcher(
                teacher,
                new BatchOptions(100, Duration.ZERO, 0.1, 1).withMaxQueue(Duration.ofSeconds(2)),
                1,
                now::get,
                new BatchMetrics(registry, "fake"))) {
            teacher.hold();
            batcher.score(new Job(true));
            await().until(() -> teacher.batches().size() == 1);
            Job waiting = new Job(true);
            batcher.score(waiting);
            now.addAndGet(1_900_000_000);
            batcher.expireOverdue();
            assertThat(batcher.queuedSequences()).isEqualTo(1);
            now.addAndGet(200_000_000);
            batcher.expireOverdue();
            waiting.awaitTold("OVERLOADED");
            assertThat(batcher.queuedSequences()).isZero();
            teacher.allowAll();
        }
    }

    /** A device with room for two sequences at once, and for none of token 13. */
    private static final class SmallDevice extends ForwardingModel {
        SmallDevice(LocalModel model) {
            super(model);
        }

        @Override
        public List<ScoreOutcome> score(List<ScoreItem> items, RowContent content) {
            if (items.size() > 2 || items.stream().anyMatch(item -> item.tokens()[0] == 13)) {
                throw new IllegalStateException("CUDA out of memory. Tried to allocate 2.00 GiB");
            }
            return super.score(items, content);
        }
    }

    @Test
    void score_moreThanTheDeviceHasMemoryFor_isSplitAndWhatIsTooMuchAloneFailsAlone() throws Exception {
        FakeTeacher fake = new FakeTeacher("fake", 1_000, 1_024);
        try (Batcher batcher = batcher(new SmallDevice(fake), 600, Duration.ofDays(1))) {
            List<Job> jobs = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                Job job = new Job(true);
                job.item().tokens()[0] = i == 4 ? 13 : 1;
                jobs.add(job);
                assertThat(batcher.score(job)).isTrue();
            }
            for (int i = 0; i < 6; i++) {
                jobs.get(i).awaitTold(i == 4 ? "DEVICE_MEMORY" : "scored on lyne-encode-fake");
            }
            assertThat(registry.get("lyne.teacher.batch.out.of.memory")
                            .counter()
                            .count())
                    .isGreaterThanOrEqualTo(3);
        }
    }

    @Test
    void submit_fullBudget_runsAtOnceWhateverTheDeadline() throws InterruptedException {
        FakeTeacher teacher = new FakeTeacher("fake", 100, 100);
        Batcher batcher = batcher(teacher, 200, Duration.ofHours(1));
        Job first = new Job(true);
        Job second = new Job(true);
        batcher.score(first);
        batcher.score(second);

        first.awaitTold("scored on lyne-encode-fake");
        second.awaitTold("scored on lyne-encode-fake");
        assertThat(teacher.batches()).hasSize(1);
        assertThat(registry.get("lyne.teacher.batch.occupancy").summary().mean())
                .isEqualTo(1);
        assertThat(registry.get("lyne.teacher.positions.scored").counter().count())
                .isEqualTo(2);
        batcher.close();
    }

    @Test
    void submit_partOfABudget_runsAtTheDeadline() throws InterruptedException {
        FakeTeacher teacher = new FakeTeacher("fake", 100, 100);
        Batcher batcher = batcher(teacher, 1_000, Duration.ofMillis(20));
        long start = System.nanoTime();
        Job job = new Job(true);
        batcher.score(job);

        job.awaitTold("scored on lyne-encode-fake");
        assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo(20_000_000);
        batcher.close();
    }

    @Test
    void run_jobsNobodyWaitsFor_neverReachTheModel() throws InterruptedException {
        FakeTeacher teacher = new FakeTeacher("fake", 100, 100);
        Batcher batcher = batcher(teacher, 200, Duration.ofHours(1));
        Job live = new Job(true);
        batcher.score(new Job(false));
        batcher.score(live);

        live.awaitTold("scored on lyne-encode-fake");
        assertThat(teacher.sequencesScored()).isEqualTo(1);
        batcher.close();
    }

    @Test
    void close_withJobsWaiting_failsThemAndClosesTheTeacher() throws InterruptedException {
        FakeTeacher teacher = new FakeTeacher("fake", 100, 100);
        Batcher batcher = batcher(teacher, 1_000, Duration.ofHours(1));
        Job waiting = new Job(true);
        batcher.score(waiting);
        batcher.close();

        waiting.awaitTold("DRAINING");
        assertThat(teacher.closed()).isTrue();
        assertThat(batcher.score(new Job(true))).isFalse();
    }

    @Test
    void warmUp_fails_failsWarmAndClosesTheTeacher() throws InterruptedException {
        List<String> calls = new ArrayList<>();
        TeacherDescription description = new FakeTeacher("fake", 100, 100).description();
        LocalModel broken = new LocalModel() {
            @Override
            public TeacherDescription description() {
                return description;
            }

            @Override
            public void warmUp() {
                throw new IllegalStateException("no such kernel");
            }

            @Override
            public List<ScoreOutcome> score(List<ScoreItem> items, RowContent selection) {
                calls.add("score");
                return List.of();
            }

            @Override
            public void close() {
                calls.add("close");
            }
        };
        Batcher batcher = batcher(broken, 100, Duration.ZERO);

        assertThatThrownBy(() -> batcher.warm().get())
                .isInstanceOf(ExecutionException.class)
                .hasRootCauseMessage("no such kernel");
        batcher.close();
        assertThat(calls).containsExactly("close");
    }
}
