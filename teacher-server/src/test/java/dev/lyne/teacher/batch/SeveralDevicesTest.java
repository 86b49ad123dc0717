package dev.lyne.teacher.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.model.DeviceCopies;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.teacher.tenant.PriorityClass;
import dev.lyne.teacher.tenant.Tenant;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** One teacher on two devices: one queue, a thread a device. */
final class SeveralDevicesTest {
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final FakeTeacher one = new FakeTeacher("fake", 1_000, 1_024);
    private final FakeTeacher other = new FakeTeacher("fake", 1_000, 1_024);

    /** Counts what it is told. */
    private static final class Job extends FakeJob {
        private final Flow flow;
        private final Queue<Job> begun;
        private final AtomicInteger scored = new AtomicInteger();
        private final AtomicInteger failed = new AtomicInteger();

        Job(Flow flow, Queue<Job> begun) {
            super(100, 1, 2);
            this.flow = flow;
            this.begun = begun;
        }

        @Override
        public List<Flow> flows() {
            return List.of(flow);
        }

        @Override
        public boolean start(long nowNanos) {
            begun.add(this);
            return true;
        }

        @Override
        public void scored(ScoreOutcome.Scored rows) {
            scored.incrementAndGet();
        }

        @Override
        public void failed(Failure failure) {
            failed.incrementAndGet();
        }
    }

    private static LocalModel copies(LocalModel... devices) {
        List<LocalModel> left = new ArrayList<>(List.of(devices));
        return DeviceCopies.load(Collections.nCopies(devices.length, "cpu"), device -> left.remove(0));
    }

    private Batcher batcher(LocalModel model, BatchOptions options) {
        return new Batcher(model, options, 1, System::nanoTime, new BatchMetrics(registry, "fake"));
    }

    private Job job(Queue<Job> begun) {
        return new Job(Flow.SOLE, begun);
    }

    @Test
    void score_oneDeviceIsAtAForward_theOtherTakesWhatComes() throws Exception {
        one.hold();
        other.hold();
        Queue<Job> begun = new ConcurrentLinkedQueue<>();
        try (Batcher batcher = batcher(copies(one, other), new BatchOptions(1_000, Duration.ZERO, 0.1, 8))) {
            batcher.score(job(begun));
            await().until(() -> one.batches().size() + other.batches().size() == 1);
            batcher.score(job(begun));
            await().until(() -> one.batches().size() == 1 && other.batches().size() == 1);
            assertThat(batcher.devices()).allMatch(device -> device.workingNanos() > 0);
            assertThat(batcher.devices().stream().map(Batcher.Device::name)).containsExactly("cpu", "cpu/2");
            assertThat(batcher.devices().get(1).stack()).startsWith("lyne-device-fake-cpu/2 ");
            one.allowAll();
            other.allowAll();
            await().until(() -> begun.stream().allMatch(job -> job.scored.get() == 1));
        }
        assertThat(one.closed() && other.closed()).isTrue();
    }

    @Test
    void score_bothDevicesHaveNothingToDo_eachTakesItsPart() throws Exception {
        Queue<Job> begun = new ConcurrentLinkedQueue<>();
        AtomicLong now = new AtomicLong();
        one.hold();
        other.hold();
        one.holdWarmUp(); // neither looks at the queue before all of it is there
        other.holdWarmUp();
        BatchOptions patient = new BatchOptions(10_000, Duration.ofNanos(5), 0.1, 100);
        try (Batcher batcher =
                new Batcher(copies(one, other), patient, 1, now::get, new BatchMetrics(registry, "fake"))) {
            for (int i = 0; i < 8; i++) {
                batcher.score(job(begun));
            }
            one.allowWarmUp();
            other.allowWarmUp();
            await().until(() -> one.sequencesScored() + other.sequencesScored() == 4);
            now.set(10); // the rest has waited long enough for company
            await().until(() -> one.sequencesScored() == 4 && other.sequencesScored() == 4);
            one.allowAll();
            other.allowAll();
        }
    }

    /** Every sequence is computed once and told once, whichever device takes it. */
    @Test
    void score_manySequencesOfManyThreads_eachIsComputedOnceAndToldOnce() throws Exception {
        Queue<Job> begun = new ConcurrentLinkedQueue<>();
        List<Job> jobs = Stream.generate(() -> job(begun)).limit(2_000).toList();
        try (Batcher batcher = batcher(copies(one, other), new BatchOptions(700, Duration.ofMillis(1), 0.1, 7))) {
            List<Thread> callers = new ArrayList<>();
            for (int thread = 0; thread < 4; thread++) {
                List<Job> part = jobs.subList(thread * 500, (thread + 1) * 500);
                Thread caller = new Thread(() -> part.forEach(batcher::score));
                caller.start();
                callers.add(caller);
            }
            for (Thread caller : callers) {
                caller.join();
            }
            await().until(() -> jobs.stream().allMatch(job -> job.scored.get() > 0));
        }
        assertThat(jobs).allMatch(job -> job.scored.get() == 1 && job.failed.get() == 0);
        Map<ScoreItem, Boolean> computed = new IdentityHashMap<>();
        Stream.of(one, other)
                .flatMap(device -> device.batches().stream())
                .flatMap(batch -> batch.items().stream())
                .forEach(item -> assertThat(computed.put(item, true)).isNull());
        assertThat(computed).hasSize(2_000);
        assertThat(one.sequencesScored()).isPositive();
        assertThat(other.sequencesScored()).isPositive();
        assertThat(registry.get("lyne.teacher.positions.scored").counter().count())
                .isEqualTo(2_000);
        assertThat(registry.get("lyne.teacher.device.positions").counters().stream()
                        .mapToDouble(counter -> counter.count())
                        .sum())
                .isEqualTo(2_000);
        assertThat(registry.get("lyne.teacher.device.busy")
                        .tag("device", "cpu/2")
                        .counter()
                        .count())
                .isPositive();
    }

    /** A stream that asks for much before another does not keep both devices from it. */
    @Test
    void score_twoStreams_takeTurnsOverBothDevices() throws Exception {
        one.hold();
        other.hold();
        Queue<Job> begun = new ConcurrentLinkedQueue<>();
        Flow greedy = new Flow(new Tenant("greedy", 1, Optional.empty()), PriorityClass.TRAINING, 1);
        Flow modest = new Flow(new Tenant("modest", 1, Optional.empty()), PriorityClass.TRAINING, 2);
        try (Batcher batcher = batcher(copies(one, other), new BatchOptions(100, Duration.ZERO, 0.1, 1))) {
            for (int i = 0; i < 300; i++) {
                batcher.score(new Job(greedy, begun));
            }
            for (int i = 0; i < 60; i++) {
                batcher.score(new Job(modest, begun));
            }
            one.allowAll();
            other.allowAll();
            await().until(() -> begun.size() == 360);
        }
        assertThat(begun.stream().limit(120).filter(job -> job.flow == modest).count())
                .as("of the first 120, with a queue in order of arrival: 0")
                .isGreaterThan(30);
    }

    @Test
    void close_waitsForEveryDevice() throws Exception {
        one.hold();
        Queue<Job> begun = new ConcurrentLinkedQueue<>();
        Batcher batcher = batcher(copies(one, other), new BatchOptions(100, Duration.ZERO, 0.1, 1));
        await().until(() -> {
            batcher.score(job(begun));
            return one.batches().size() == 1; // whichever takes it, until the first has one
        });
        assertThat(batcher.close(1)).as("a forward still runs").isFalse();
        one.allowAll();
        assertThat(batcher.close(Long.MAX_VALUE)).isTrue();
        assertThat(batcher.ended().get()).isEmpty();
        assertThat(one.closed() && other.closed()).isTrue();
        assertThat(begun).allMatch(job -> job.scored.get() + job.failed.get() == 1);
    }

    /** A device whose thread ends by a defect is not worked around in silence: the teacher ends, and its callers go to another server. */
    @Test
    void aDeviceThreadThatEnds_endsTheTeacher_andEveryJobIsTold() throws Exception {
        LocalModel broken = new ForwardingModel(new FakeTeacher("fake", 1_000, 1_024)) {
            @Override
            public List<ScoreOutcome> score(List<ScoreItem> items, RowContent content) {
                return new AbstractList<>() {
                    @Override
                    public ScoreOutcome get(int index) {
                        throw new StackOverflowError("no outcome");
                    }

                    @Override
                    public int size() {
                        return items.size();
                    }
                };
            }
        };
        Queue<Job> begun = new ConcurrentLinkedQueue<>();
        Batcher batcher = batcher(copies(one, broken), new BatchOptions(100, Duration.ZERO, 0.1, 1));
        List<Job> taken = new ArrayList<>();
        await().until(() -> {
            Job job = job(begun);
            boolean accepted = batcher.score(job);
            if (accepted) {
                taken.add(job);
            }
            return !accepted;
        });
        assertThat(batcher.ended().get())
                .hasValueSatisfying(cause -> assertThat(cause).hasMessage("no outcome"));
        batcher.close();
        await().untilAsserted(
                        () -> assertThat(taken).isNotEmpty().allMatch(job -> job.scored.get() + job.failed.get() == 1));
        assertThat(one.closed()).isTrue();
    }

    @Test
    void devicesThatDoNotComputeTheSame_areRefused() {
        FakeTeacher another = new FakeTeacher("another", 1_000, 1_024);
        assertThatThrownBy(() -> copies(one, another))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("device: cpu has another model");
        assertThat(one.closed() && another.closed()).isTrue();
    }
}
