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
import dev.lyne.teacher.model.QueueLine;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.teacher.tenant.PriorityClass;
import dev.lyne.teacher.tenant.Tenant;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.Positions;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Sharing of computations: what joins what, who is told what, and what the model is spared. Time is a number that the
 * tests move.
 */
final class SingleFlightTest {
    private static final int BROKEN = 13;

    private final AtomicLong now = new AtomicLong(1_000);
    private final FakeTeacher teacher = new FakeTeacher("fake", 100, 64);
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final Batcher batcher = new Batcher(
            teacher,
            new BatchOptions(1, Duration.ZERO, 0, 1).withMaxQueue(Duration.ofNanos(Long.MAX_VALUE)),
            1,
            now::get,
            new BatchMetrics(registry, "fake"));
    private final SingleFlight flight = new SingleFlight(
            batcher,
            TeacherCaches.open(List.of(), System::nanoTime, registry).of("fake", 1 << 20),
            new SequenceEncoder(teacher.description(), 1 << 20),
            batcher.options().maxEntries(),
            now::get,
            new CacheMetrics(registry, "fake"));

    @AfterEach
    void close() throws InterruptedException {
        teacher.allowAll();
        batcher.close();
    }

    private static ScoreTask task(int firstToken, int k, Deadline deadline) {
        int[] tokens = {firstToken, 2, 3, 4};
        return new ScoreTask(
                new ScoreItem(tokens, Positions.withLabels(4)),
                TestRows.exact(new Selection.TopK(k, List.of())),
                deadline,
                false);
    }

    private static ScoreTask bypassing(ScoreTask task) {
        return new ScoreTask(task.item(), task.format(), task.deadline(), true);
    }

    /** Holds the device with a sequence of its own, so that what is asked next waits in the queue. */
    private RecordingCallback occupyDevice() {
        teacher.hold();
        RecordingCallback first = new RecordingCallback();
        flight.score(task(99, 4, Deadline.NONE), first);
        await().until(() -> teacher.batches().size() == 1);
        return first;
    }

    private double counter(String name) {
        return registry.get(name).counter().count();
    }

    @Test
    void score_twiceInFlight_computesOnceAndCoalesces() {
        occupyDevice();
        RecordingCallback first = new RecordingCallback();
        RecordingCallback second = new RecordingCallback();
        flight.score(task(1, 4, Deadline.NONE), first);
        flight.score(task(1, 4, Deadline.NONE), second);
        teacher.allowAll();

        first.awaitOnly(RowSource.COMPUTED);
        second.awaitOnly(RowSource.COALESCED);
        assertThat(second.rows).isSameAs(first.rows);
        assertThat(teacher.sequencesScored()).isEqualTo(2);
        assertThat(counter("lyne.teacher.cache.coalesced")).isEqualTo(1);
        assertThat(counter("lyne.teacher.cache.misses")).isEqualTo(2);
    }

    @Test
    void score_whileItsForwardRuns_joins() {
        teacher.hold();
        RecordingCallback first = new RecordingCallback();
        RecordingCallback second = new RecordingCallback();
        flight.score(task(1, 4, Deadline.NONE), first);
        await().until(() -> teacher.batches().size() == 1);
        flight.score(task(1, 4, Deadline.NONE), second);
        teacher.allowAll();

        first.awaitOnly(RowSource.COMPUTED);
        second.awaitOnly(RowSource.COALESCED);
        assertThat(teacher.sequencesScored()).isEqualTo(1);
    }

    @Test
    void score_again_isServedFromMemoryWithTheSameBytes() {
        RecordingCallback first = new RecordingCallback();
        flight.score(task(1, 4, Deadline.NONE), first);
        first.awaitOnly(RowSource.COMPUTED);
        RecordingCallback again = new RecordingCallback();
        CancellationHandle handle = flight.score(task(1, 4, Deadline.NONE), again);

        again.awaitOnly(RowSource.cached("memory"));
        assertThat(again.rows).isSameAs(first.rows);
        assertThat(handle.withdraw()).isFalse();
        assertThat(teacher.sequencesScored()).isEqualTo(1);
        assertThat(counter("lyne.teacher.cache.hits")).isEqualTo(1);
    }

    @Test
    void score_otherSelection_isComputedAndReplaces() {
        RecordingCallback narrow = new RecordingCallback();
        flight.score(task(1, 4, Deadline.NONE), narrow);
        narrow.awaitOnly(RowSource.COMPUTED);
        RecordingCallback wide = new RecordingCallback();
        flight.score(task(1, 8, Deadline.NONE), wide);
        wide.awaitOnly(RowSource.COMPUTED);
        RecordingCallback wideAgain = new RecordingCallback();
        flight.score(task(1, 8, Deadline.NONE), wideAgain);
        wideAgain.awaitOnly(RowSource.cached("memory"));

        assertThat(registry.get("lyne.teacher.tier.entries").gauge().value()).isEqualTo(1);
        assertThat(BlockDecoder.decode(ByteBuffer.wrap(wide.rows.blocks().get(0).bytes()))
                        .count(0))
                .isEqualTo(8);
    }

    @Test
    void withdraw_firstAsker_cancelsNothingForTheOther() {
        occupyDevice();
        RecordingCallback first = new RecordingCallback();
        RecordingCallback second = new RecordingCallback();
        CancellationHandle handle = flight.score(task(1, 4, Deadline.NONE), first);
        flight.score(task(1, 4, Deadline.NONE), second);

        assertThat(handle.withdraw()).isTrue();
        assertThat(handle.withdraw()).isFalse();
        teacher.allowAll();
        second.awaitOnly(RowSource.COALESCED);
        assertThat(first.told()).isEmpty();
    }

    @Test
    void withdraw_lastAsker_dropsUnrunAndARetryIsANewComputation() {
        RecordingCallback device = occupyDevice();
        RecordingCallback first = new RecordingCallback();
        RecordingCallback second = new RecordingCallback();
        CancellationHandle one = flight.score(task(1, 4, Deadline.NONE), first);
        CancellationHandle two = flight.score(task(1, 4, Deadline.NONE), second);
        assertThat(one.withdraw()).isTrue();
        assertThat(two.withdraw()).isTrue();
        assertThat(batcher.queuedSequences()).isZero();
        RecordingCallback retry = new RecordingCallback();
        flight.score(task(1, 4, Deadline.NONE), retry);
        teacher.allowAll();

        device.awaitOnly(RowSource.COMPUTED);
        retry.awaitOnly(RowSource.COMPUTED);
        assertThat(teacher.sequencesScored()).isEqualTo(2);
        assertThat(first.told()).isEmpty();
        assertThat(second.told()).isEmpty();
    }

    @Test
    void modelFails_reachesEachWaiterAndARetryIsANewComputation() {
        occupyDevice();
        teacher.failOn(BROKEN);
        RecordingCallback first = new RecordingCallback();
        RecordingCallback second = new RecordingCallback();
        flight.score(task(BROKEN, 4, Deadline.NONE), first);
        flight.score(task(BROKEN, 4, Deadline.NONE), second);
        teacher.allowAll();
        first.awaitOnly(Failure.Reason.MODEL_FAILED);
        second.awaitOnly(Failure.Reason.MODEL_FAILED);

        teacher.failOn(-1);
        RecordingCallback retry = new RecordingCallback();
        flight.score(task(BROKEN, 4, Deadline.NONE), retry);
        retry.awaitOnly(RowSource.COMPUTED);
        assertThat(teacher.sequencesScored()).isEqualTo(3);
    }

    @Test
    void deadline_ofComputation_isTheLatestOfItsWaiters() {
        occupyDevice();
        RecordingCallback hasty = new RecordingCallback();
        RecordingCallback patient = new RecordingCallback();
        flight.score(task(1, 4, Deadline.at(2_000)), hasty);
        flight.score(task(1, 4, Deadline.at(3_000)), patient);
        now.set(2_500);
        teacher.allowAll();

        hasty.awaitOnly(Failure.Reason.DEADLINE_PASSED);
        patient.awaitOnly(RowSource.COMPUTED); // it pays, since the hasty one does not
    }

    private static ScoreTask of(String tenant, PriorityClass priority, ScoreTask task) {
        Flow flow = new Flow(new Tenant(tenant, 1, Optional.empty()), priority, tenant.hashCode());
        return new ScoreTask(task.item(), task.format(), task.deadline(), flow, task.bypassCache(), 0);
    }

    @Test
    void deadlineOfOneWhoJoined_passes_isToldAndLendsItsTurnNoLonger() {
        occupyDevice();
        RecordingCallback patient = new RecordingCallback();
        RecordingCallback hasty = new RecordingCallback();
        flight.score(of("patient", PriorityClass.CAPTURE, task(1, 4, Deadline.NONE)), patient);
        CancellationHandle handle =
                flight.score(of("hasty", PriorityClass.INTERACTIVE, task(1, 4, Deadline.at(2_000))), hasty);
        flight.expireOverdue();
        assertThat(hasty.told()).isEmpty();
        assertThat(batcher.queueLines().stream().map(QueueLine::tenant)).containsExactly("hasty", "patient");
        now.set(2_500);
        flight.expireOverdue();
        assertThat(hasty.told()).containsExactly(Failure.Reason.DEADLINE_PASSED);
        assertThat(handle.withdraw()).isFalse();
        assertThat(batcher.queueLines().stream().map(QueueLine::tenant)).containsExactly("patient");
        teacher.allowAll();

        patient.awaitOnly(RowSource.COMPUTED);
        assertThat(hasty.told()).hasSize(1);
    }

    /** Also one that is not in the queue, such as one whose rows are looked for. */
    @Test
    void deadlinesOfAll_pass_areToldAndTheComputationIsDropped() {
        occupyDevice();
        RecordingCallback one = new RecordingCallback();
        RecordingCallback other = new RecordingCallback();
        flight.score(task(1, 4, Deadline.at(2_000)), one);
        flight.score(task(1, 4, Deadline.at(2_100)), other);
        now.set(2_500);
        flight.expireOverdue();
        assertThat(one.told()).containsExactly(Failure.Reason.DEADLINE_PASSED);
        assertThat(other.told()).containsExactly(Failure.Reason.DEADLINE_PASSED);
        assertThat(batcher.queuedSequences()).isZero();
    }

    @Test
    void join_whatComesTooLate_isRefusedWithATimeAndWhatComesInTimeIsJoined() {
        occupyDevice();
        now.addAndGet(1_000_000_000); // a second a sequence
        teacher.allowOne();
        RecordingCallback running = new RecordingCallback();
        flight.score(task(98, 4, Deadline.NONE), running);
        await().until(() -> teacher.batches().size() == 2);
        for (int first = 1; first <= 3; first++) {
            flight.score(task(first, 4, Deadline.NONE), new RecordingCallback());
        }
        now.addAndGet(900_000_000);
        Deadline soon = Deadline.at(now.get() + 500_000_000);
        RecordingCallback late = new RecordingCallback();
        assertThat(flight.score(task(3, 4, soon), late).withdraw()).isFalse();
        assertThat(late.told()).containsExactly(Failure.Reason.OVERLOADED);
        assertThat(counter("lyne.teacher.queue.shed")).isEqualTo(1);

        RecordingCallback next = new RecordingCallback();
        RecordingCallback ofOther = new RecordingCallback();
        flight.score(task(1, 4, soon), next);
        flight.score(of("other", PriorityClass.TRAINING, task(3, 4, soon)), ofOther);
        assertThat(next.told()).isEmpty();
        assertThat(ofOther.told()).as("whose own turn comes sooner").isEmpty();
    }

    @Test
    void deadline_ofOneWaiterWithNone_isNone() {
        occupyDevice();
        RecordingCallback hasty = new RecordingCallback();
        RecordingCallback endless = new RecordingCallback();
        RecordingCallback other = new RecordingCallback();
        flight.score(task(1, 4, Deadline.at(2_000)), hasty);
        flight.score(task(1, 4, Deadline.NONE), endless);
        flight.score(task(1, 4, Deadline.NONE), other);
        now.set(Long.MAX_VALUE / 2);
        teacher.allowAll();

        hasty.awaitOnly(Failure.Reason.DEADLINE_PASSED);
        endless.awaitOnly(RowSource.COMPUTED);
        other.awaitOnly(RowSource.COALESCED);
    }

    @Test
    void deadline_afterThePatientWaiterLeft_isTheHastyOnes() {
        occupyDevice();
        RecordingCallback hasty = new RecordingCallback();
        RecordingCallback patient = new RecordingCallback();
        flight.score(task(1, 4, Deadline.at(2_000)), hasty);
        CancellationHandle handle = flight.score(task(1, 4, Deadline.NONE), patient);
        assertThat(handle.withdraw()).isTrue();
        now.set(2_500);
        teacher.allowAll();

        hasty.awaitOnly(Failure.Reason.DEADLINE_PASSED);
        assertThat(teacher.sequencesScored()).isEqualTo(1);
    }

    @Test
    void deadline_passedWhileRunning_stillDelivers() {
        teacher.hold();
        RecordingCallback hasty = new RecordingCallback();
        flight.score(task(1, 4, Deadline.at(2_000)), hasty);
        await().until(() -> teacher.batches().size() == 1);
        now.set(5_000);
        teacher.allowAll();

        hasty.awaitOnly(RowSource.COMPUTED);
    }

    @Test
    void bypassCache_neitherReadsNorJoinsNorStores() {
        RecordingCallback stored = new RecordingCallback();
        flight.score(task(1, 4, Deadline.NONE), stored);
        stored.awaitOnly(RowSource.COMPUTED);
        RecordingCallback fresh = new RecordingCallback();
        flight.score(bypassing(task(1, 4, Deadline.NONE)), fresh);
        fresh.awaitOnly(RowSource.COMPUTED);
        RecordingCallback unseen = new RecordingCallback();
        flight.score(bypassing(task(7, 4, Deadline.NONE)), unseen);
        unseen.awaitOnly(RowSource.COMPUTED);
        RecordingCallback after = new RecordingCallback();
        flight.score(task(7, 4, Deadline.NONE), after);
        after.awaitOnly(RowSource.COMPUTED);

        assertThat(teacher.sequencesScored()).isEqualTo(4);
        assertThat(fresh.rows).isNotSameAs(stored.rows);
        assertThat(counter("lyne.teacher.cache.bypassed")).isEqualTo(2);
    }

    @Test
    void score_afterTheBatcherClosed_fails() throws InterruptedException {
        batcher.close();
        RecordingCallback late = new RecordingCallback();
        flight.score(task(1, 4, Deadline.NONE), late);

        late.awaitOnly(Failure.Reason.DRAINING);
        assertThat(teacher.closed()).isTrue();
    }

    @Test
    void score_noPositions_isAnsweredWithNoRows() {
        RecordingCallback callback = new RecordingCallback();
        flight.score(
                new ScoreTask(
                        new ScoreItem(new int[] {1}, new int[0]),
                        TestRows.exact(new Selection.TopK(4, List.of())),
                        Deadline.NONE,
                        false),
                callback);

        callback.awaitOnly(RowSource.COMPUTED);
        assertThat(callback.rows.rows()).isZero();
    }
}
