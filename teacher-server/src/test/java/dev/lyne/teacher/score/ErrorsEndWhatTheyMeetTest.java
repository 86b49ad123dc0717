package dev.lyne.teacher.score;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.row.RowSource;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.row.Selection;
import dev.lyne.teacher.batch.BatchMetrics;
import dev.lyne.teacher.batch.BatchOptions;
import dev.lyne.teacher.batch.Batcher;
import dev.lyne.teacher.cache.CacheTiers;
import dev.lyne.teacher.cache.LaneOptions;
import dev.lyne.teacher.cache.TeacherCaches;
import dev.lyne.teacher.cache.TestTier;
import dev.lyne.teacher.cache.TierMetrics;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.wire.Positions;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** An Error, wherever it is thrown, ends the computation that it meets for everybody who waits, and nothing else. */
final class ErrorsEndWhatTheyMeetTest {
    private final FakeTeacher teacher = new FakeTeacher("fake", 100, 64);
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final TestTier disk = new TestTier("disk");
    private final AtomicBoolean encodes = new AtomicBoolean(true);
    private final Batcher batcher = new Batcher(
            teacher, new BatchOptions(1, Duration.ZERO, 0, 1), 1, System::nanoTime, new BatchMetrics(registry, "fake"));

    private final class BrokenEncoder extends SequenceEncoder {
        BrokenEncoder() {
            super(teacher.description(), 1 << 20);
        }

        @Override
        StoredRows encode(int[] tokens, CachedSelection holds, ScoreOutcome.Scored rows) {
            if (!encodes.get()) {
                throw new OutOfMemoryError("no room for the rows");
            }
            return super.encode(tokens, holds, rows);
        }
    }

    private SingleFlight flight(List<CacheTiers.Slower> slower) {
        return new SingleFlight(
                batcher,
                TeacherCaches.open(slower, System::nanoTime, registry).of("fake", 1 << 20),
                new BrokenEncoder(),
                batcher.options().maxEntries(),
                System::nanoTime,
                new CacheMetrics(registry, "fake"));
    }

    /** Throws whatever it is told. */
    private static final class BrokenWaiter implements Callback {
        @Override
        public void scored(EncodedSequence rows, RowSource source, boolean narrowed) {
            throw new StackOverflowError("told of rows");
        }

        @Override
        public void failed(Failure failure) {
            throw new StackOverflowError("told of a failure");
        }
    }

    @AfterEach
    void close() throws InterruptedException {
        teacher.allowAll();
        disk.allowLookups();
        batcher.close();
    }

    private static ScoreTask task() {
        return new ScoreTask(
                new ScoreItem(new int[] {1, 2, 3, 4}, Positions.withLabels(4)),
                TestRows.exact(new Selection.TopK(4, List.of())),
                Deadline.NONE,
                false);
    }

    @Test
    void encode_throwsAnError_everyWaiterFailsAndTheNextAskerIsServed() {
        SingleFlight flight = flight(List.of());
        encodes.set(false);
        teacher.hold();
        RecordingCallback first = new RecordingCallback();
        RecordingCallback joined = new RecordingCallback();
        flight.score(task(), first);
        flight.score(task(), joined);
        teacher.allowAll();

        first.awaitOnly(Failure.Reason.MODEL_FAILED);
        joined.awaitOnly(Failure.Reason.MODEL_FAILED);
        encodes.set(true);
        RecordingCallback next = new RecordingCallback();
        flight.score(task(), next);
        next.awaitOnly(RowSource.COMPUTED);
    }

    @Test
    void waiter_throwsAnError_theOthersAreAnswered() {
        SingleFlight flight = flight(List.of());
        teacher.hold();
        RecordingCallback before = new RecordingCallback();
        RecordingCallback after = new RecordingCallback();
        flight.score(task(), before);
        flight.score(task(), new BrokenWaiter());
        flight.score(task(), after);
        teacher.allowAll();

        before.awaitOnly(RowSource.COMPUTED);
        after.awaitOnly(RowSource.COALESCED);
        RecordingCallback next = new RecordingCallback();
        flight.score(task(), next);
        next.awaitOnly(RowSource.cached("memory"));
    }

    @Test
    void waiter_throwsAtAFailure_theOthersAreTold() {
        SingleFlight flight = flight(List.of());
        encodes.set(false);
        teacher.hold();
        RecordingCallback after = new RecordingCallback();
        flight.score(task(), new BrokenWaiter());
        flight.score(task(), after);
        teacher.allowAll();

        after.awaitOnly(Failure.Reason.MODEL_FAILED);
    }

    @Test
    void lookup_throwsAnError_theSequenceIsComputed() {
        disk.breakDown();
        SingleFlight flight = flight(List.of(new CacheTiers.Slower(
                disk,
                new LaneOptions(1, LaneOptions.ANY_TURN, LaneOptions.USUAL_LOOKUP, 1 << 20),
                new TierMetrics(registry, "disk"))));
        RecordingCallback callback = new RecordingCallback();
        flight.score(task(), callback);

        callback.awaitOnly(RowSource.COMPUTED);
        assertThat(teacher.sequencesScored()).isEqualTo(1);
    }
}
