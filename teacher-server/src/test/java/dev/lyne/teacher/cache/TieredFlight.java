package dev.lyne.teacher.cache;

import dev.lyne.teacher.batch.BatchMetrics;
import dev.lyne.teacher.batch.BatchOptions;
import dev.lyne.teacher.batch.Batcher;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.score.CacheKey;
import dev.lyne.teacher.score.CacheMetrics;
import dev.lyne.teacher.score.RecordingCallback;
import dev.lyne.teacher.score.ScoreTask;
import dev.lyne.teacher.score.SequenceEncoder;
import dev.lyne.teacher.score.SingleFlight;
import dev.lyne.teacher.score.TestRows;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** Single-flight over memory and two slower tiers that a test holds and looks into. Time is a number that the tests move. */
final class TieredFlight implements AutoCloseable {
    static final long MAX_UNWRITTEN_BYTES = 20_000;

    final AtomicLong now = new AtomicLong(1_000);
    final FakeTeacher teacher = new FakeTeacher("fake", 1_000, 2_048);
    final TestRows rows = new TestRows(teacher);
    final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    final TestTier disk = new TestTier("disk");
    final TestTier shared = new TestTier("shared");
    final MemoryTier memory = new MemoryTier(1 << 20, registry);
    private final List<TierLane> lanes = List.of(lane(disk), lane(shared));
    final TeacherCaches caches = new TeacherCaches(registry, lanes);
    final CacheTiers tiers = new CacheTiers(memory, lanes);
    private final Batcher batcher = new Batcher(
            teacher,
            new BatchOptions(1, Duration.ZERO, 0, 1).withMaxQueue(Duration.ofNanos(Long.MAX_VALUE)),
            1,
            now::get,
            new BatchMetrics(registry, "fake"));
    final SingleFlight flight = new SingleFlight(
            batcher,
            tiers,
            new SequenceEncoder(teacher.description(), 1 << 20),
            batcher.options().maxEntries(),
            now::get,
            new CacheMetrics(registry, "fake"));

    private TierLane lane(TestTier tier) {
        LaneOptions options = new LaneOptions(1, Duration.ofNanos(500), Duration.ofNanos(5_000), MAX_UNWRITTEN_BYTES);
        return new TierLane(tier, options, now::get, new TierMetrics(registry, tier.name()));
    }

    RecordingCallback ask(ScoreTask task) {
        RecordingCallback callback = new RecordingCallback();
        flight.score(task, callback);
        return callback;
    }

    static ScoreTask task(int number) {
        return TestRows.task(number, 4);
    }

    CacheKey key(int number) {
        return rows.query(number).key();
    }

    double counter(String name, String tier) {
        return registry.get("lyne.teacher.tier." + name)
                .tag("tier", tier)
                .counter()
                .count();
    }

    @Override
    public void close() throws InterruptedException {
        teacher.allowAll();
        for (TestTier tier : List.of(disk, shared)) {
            tier.allowLookups();
            tier.allowWrites();
        }
        batcher.close();
        caches.close(now.get() + Duration.ofSeconds(10).toNanos());
    }
}
