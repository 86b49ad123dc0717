package dev.lyne.teacher.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.FakeTeacher;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Scoring and other work of one device, in turn. */
final class DecodesBetweenBatchesTest {
    private final FakeTeacher teacher = new FakeTeacher("fake", 100, 100);

    /** Work that may be done so many times, and a forward of a nanosecond at most meanwhile. */
    private final class Beside implements DeviceWork {
        private final AtomicInteger left = new AtomicInteger();
        private final List<Integer> batchesBefore = new CopyOnWriteArrayList<>();
        private volatile Runnable wake = () -> {};
        private volatile List<Forward> forwards = List.of();
        private volatile CountDownLatch held = new CountDownLatch(0);

        @Override
        public boolean waits() {
            return left.get() > 0;
        }

        @Override
        public Stretch run() {
            try {
                held.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            List<Forward> ran = forwards;
            left.decrementAndGet();
            batchesBefore.add(teacher.batches().size());
            return new Stretch(7, Map.of(), ran);
        }

        @Override
        public void end() {}

        @Override
        public void onArrival(Runnable action) {
            wake = action;
        }

        @Override
        public Duration longestForward() {
            return Duration.ofNanos(1);
        }
    }

    private static final class Job extends FakeJob {
        Job() {
            super(100, 1, 2);
        }

        @Override
        public void scored(ScoreOutcome.Scored rows) {}

        /** The end of the test withdraws what still waits. */
        @Override
        public void failed(Failure failure) {}
    }

    private Batcher batcher(Beside beside) {
        return new Batcher(
                teacher,
                new BatchOptions(2_000, Duration.ofHours(1), 0.1, Integer.MAX_VALUE),
                1,
                System::nanoTime,
                new BatchMetrics(new SimpleMeterRegistry(), "fake"),
                beside);
    }

    private static void runOnce(Beside beside, DeviceWork.Forward forward) {
        int before = beside.batchesBefore.size();
        beside.forwards = List.of(forward);
        beside.left.set(1);
        beside.wake.run();
        await().until(() -> beside.batchesBefore.size() > before);
    }

    private static DeviceWork.Forward threwAt(long text) {
        return DeviceWork.Forward.threwAt(Set.of(text));
    }

    @Test
    void otherWork_whoseForwardsAllThrow_isNotServingUntilOneDoesNot() throws InterruptedException {
        Beside beside = new Beside();
        Batcher batcher = batcher(beside);
        for (long text : new long[] {1, 1, 1, 2}) {
            runOnce(beside, threwAt(text));
        }
        runOnce(beside, DeviceWork.Forward.SUCCEEDED);
        runOnce(beside, threwAt(3));
        runOnce(beside, threwAt(4));
        runOnce(beside, DeviceWork.Forward.threwAt(Set.of(4L, 5L)));
        assertThat(batcher.serving()).isTrue();
        runOnce(beside, threwAt(6));
        await().until(() -> !batcher.serving());
        runOnce(beside, DeviceWork.Forward.SUCCEEDED);
        await().until(batcher::serving);
        batcher.close();
    }

    @Test
    void otherWork_withoutMemoryForWhatFitted_isNotServingUntilTheModelComputesAgain() throws InterruptedException {
        Beside beside = new Beside();
        Batcher batcher = batcher(beside);
        teacher.hold();
        for (long text : new long[] {1, 1, 2, 3}) {
            assertThat(batcher.serving()).isTrue();
            runOnce(beside, new DeviceWork.Forward(true, Set.of(text), 7));
        }
        await().until(() -> !batcher.serving());
        await().until(() -> teacher.batches().size() == 1); // it looks by itself
        assertThat(teacher.batches().get(0).items().get(0).tokens()).hasSize(7);
        assertThat(batcher.serving()).isFalse();
        teacher.allowAll();
        await().until(batcher::serving);
        batcher.close();
    }

    @Test
    void otherWork_thatHangs_isWhatTheDeviceIsAt() throws InterruptedException {
        Beside beside = new Beside();
        beside.held = new CountDownLatch(1);
        Batcher batcher = batcher(beside);
        beside.left.set(1);
        beside.wake.run();
        Batcher.Device device = batcher.devices().get(0);
        await().until(() -> device.stack().contains("Beside.run"));
        assertThat(device.workingNanos()).isPositive();
        beside.held.countDown();
        await().until(() -> device.workingNanos() == 0);
        batcher.close();
    }

    @Test
    void batches_whileOtherWorkWaits_areCutAndTakeTurnsWithIt() throws InterruptedException {
        Beside beside = new Beside();
        Batcher batcher = batcher(beside);
        for (int i = 0; i < 10; i++) {
            batcher.score(new Job());
        }
        beside.left.set(5);
        beside.wake.run();
        await().until(() -> beside.batchesBefore.size() == 5);

        assertThat(beside.batchesBefore).containsExactly(1, 2, 3, 4, 5);
        assertThat(teacher.batches().stream().map(batch -> batch.items().size()))
                .as("256 tokens before a forward was timed, then what takes a nanosecond: a sequence alone")
                .containsExactly(2, 1, 1, 1, 1);
        assertThat(batcher.queuedSequences()).as("wait for a full batch again").isEqualTo(4);
        await().until(() -> batcher.devicePositions() == 6 + 5 * 7);
        batcher.close();
    }
}
