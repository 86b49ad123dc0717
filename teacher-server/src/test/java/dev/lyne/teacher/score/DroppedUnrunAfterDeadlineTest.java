package dev.lyne.teacher.score;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.row.RowSource;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.Selection;
import dev.lyne.teacher.batch.BatchMetrics;
import dev.lyne.teacher.batch.BatchOptions;
import dev.lyne.teacher.batch.Batcher;
import dev.lyne.teacher.cache.TeacherCaches;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.wire.Positions;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Work whose time has passed before its turn never reaches the model; work of the others does. */
final class DroppedUnrunAfterDeadlineTest {
    @Test
    void deadlinePasses_whileDeviceIsBusy_modelNeverSeesTheLateOnes() throws InterruptedException {
        AtomicLong now = new AtomicLong();
        FakeTeacher teacher = new FakeTeacher("fake", 100, 64);
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        Batcher batcher = new Batcher(
                teacher,
                new BatchOptions(64, Duration.ZERO, 0.1, 100),
                1,
                now::get,
                new BatchMetrics(registry, "fake"));
        SingleFlight flight = new SingleFlight(
                batcher,
                TeacherCaches.open(List.of(), System::nanoTime, registry).of("fake", 0),
                new SequenceEncoder(teacher.description(), 1 << 20),
                batcher.options().maxEntries(),
                now::get,
                new CacheMetrics(registry, "fake"));
        AtomicInteger scored = new AtomicInteger();
        ConcurrentHashMap<Failure.Reason, Integer> failed = new ConcurrentHashMap<>();
        Callback callback = new Callback() {
            @Override
            public void scored(EncodedSequence rows, RowSource source, boolean narrowed) {
                scored.incrementAndGet();
            }

            @Override
            public void failed(Failure failure) {
                failed.merge(failure.reason(), 1, Integer::sum);
            }
        };
        teacher.hold();
        flight.score(task(0, Deadline.NONE), callback);
        await().until(() -> teacher.batches().size() == 1);
        for (int i = 1; i <= 20; i++) {
            flight.score(task(i, i % 2 == 0 ? Deadline.at(1_000) : Deadline.NONE), callback);
        }
        now.set(1_000);
        teacher.allowAll();

        await().until(() -> scored.get() == 11);
        await().until(() -> failed.equals(java.util.Map.of(Failure.Reason.DEADLINE_PASSED, 10)));
        assertThat(teacher.batches().stream().flatMap(batch -> batch.items().stream()))
                .allSatisfy(item -> assertThat(item.tokens()[0] == 0 || item.tokens()[0] % 2 == 1)
                        .isTrue());
        assertThat(batcher.queuedTokens()).isZero();
        batcher.close();
    }

    private static ScoreTask task(int token, Deadline deadline) {
        return new ScoreTask(
                new ScoreItem(new int[] {token, 2, 3}, Positions.withLabels(3)),
                TestRows.exact(new Selection.TopK(2, List.of())),
                deadline,
                false);
    }
}
