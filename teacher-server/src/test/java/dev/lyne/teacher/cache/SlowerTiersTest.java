package dev.lyne.teacher.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.row.Precision;
import dev.lyne.row.RowSource;
import dev.lyne.row.Selection;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.score.CacheKey;
import dev.lyne.teacher.score.CancellationHandle;
import dev.lyne.teacher.score.Deadline;
import dev.lyne.teacher.score.RecordingCallback;
import dev.lyne.teacher.score.ScoreTask;
import dev.lyne.teacher.score.SingleFlight;
import dev.lyne.teacher.score.TestRows;
import dev.lyne.wire.RowFormat;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Single-flight over tiers that take their time: what is searched once, and who is told what. */
final class SlowerTiersTest {
    private final TieredFlight fixture = new TieredFlight();
    private final FakeTeacher teacher = fixture.teacher;
    private final TestTier disk = fixture.disk;
    private final TestTier shared = fixture.shared;
    private final TestRows rows = fixture.rows;
    private final SingleFlight flight = fixture.flight;

    @AfterEach
    void close() throws InterruptedException {
        fixture.close();
    }

    private RecordingCallback ask(ScoreTask task) {
        return fixture.ask(task);
    }

    private static ScoreTask task(int number) {
        return TieredFlight.task(number);
    }

    private CacheKey key(int number) {
        return fixture.key(number);
    }

    private double counter(String name, String tier) {
        return fixture.counter(name, tier);
    }

    @Test
    void score_nowhere_isComputedAndKeptInEveryTier() {
        ask(task(1)).awaitOnly(RowSource.COMPUTED);

        await().until(() ->
                disk.entries().containsKey(key(1)) && shared.entries().containsKey(key(1)));
        assertThat(disk.lookups()).containsExactly(key(1));
        assertThat(shared.lookups()).containsExactly(key(1));
        ask(task(1)).awaitOnly(RowSource.cached("memory"));
        assertThat(disk.lookups()).hasSize(1);
    }

    @Test
    void score_inTheSlowestTier_isServedAndPromotedWithoutAForward() {
        shared.entries().put(key(1), rows.rows(1));

        ask(task(1)).awaitOnly(RowSource.cached("shared"));
        await().until(() -> disk.entries().containsKey(key(1)));
        ask(task(1)).awaitOnly(RowSource.cached("memory"));
        assertThat(teacher.sequencesScored()).isZero();
        assertThat(fixture.registry.get("lyne.teacher.cache.hits").counter().count())
                .isEqualTo(2);
    }

    @Test
    void score_inTheFasterOfTwoTiers_neverAsksTheSlower() {
        disk.entries().put(key(1), rows.rows(1));

        ask(task(1)).awaitOnly(RowSource.cached("disk"));
        assertThat(shared.lookups()).isEmpty();
        assertThat(shared.entries()).isEmpty();
    }

    @Test
    void score_heldForAnotherSelection_isComputedAndReplaced() {
        disk.entries().put(key(1), rows.rows(1));
        ScoreTask wider = TestRows.task(1, 8);

        ask(wider).awaitOnly(RowSource.COMPUTED);
        await().until(() -> Objects.requireNonNull(disk.entries().get(key(1)))
                        .holds()
                        .format()
                        .selection()
                        .mostEntries(1_000)
                == 8);
    }

    @Test
    void score_equalRequestsWhileATierIsSearched_joinTheOneSearch() {
        disk.holdLookups();
        disk.entries().put(key(1), rows.rows(1));
        RecordingCallback first = ask(task(1));
        await().until(() -> disk.lookups().size() == 1);
        RecordingCallback second = ask(task(1));
        RecordingCallback third = ask(task(1));
        disk.allowLookups();

        List.of(first, second, third).forEach(callback -> callback.awaitOnly(RowSource.cached("disk")));
        assertThat(disk.lookups()).hasSize(1);
        assertThat(teacher.sequencesScored()).isZero();
    }

    /** The tier answers the first alone; the forward that follows is for the one that joined, which pays for it. */
    @Test
    void score_finerRequestWhileATierIsSearched_isComputedForIt() {
        Selection best = new Selection.TopK(4, List.of());
        ScoreTask coarse = TestRows.task(1, 64, new RowFormat(best, Precision.COMPACT, false));
        ScoreTask exact = TestRows.task(1, 64, new RowFormat(best, Precision.EXACT, false));
        disk.holdLookups();
        disk.entries().put(rows.query(coarse).key(), rows.rows(coarse));
        RecordingCallback first = ask(coarse);
        await().until(() -> disk.lookups().size() == 1);
        RecordingCallback finer = ask(exact);
        RecordingCallback third = ask(exact);
        disk.allowLookups();

        first.awaitOnly(RowSource.cached("disk"));
        finer.awaitOnly(RowSource.COMPUTED);
        third.awaitOnly(RowSource.COALESCED);
        assertThat(teacher.sequencesScored()).isEqualTo(1);
    }

    @Test
    void score_equalRequestsWhileATierIsSearchedInVain_shareOneForward() {
        disk.holdLookups();
        RecordingCallback first = ask(task(1));
        RecordingCallback second = ask(task(1));
        disk.allowLookups();

        first.awaitOnly(RowSource.COMPUTED);
        second.awaitOnly(RowSource.COALESCED);
        assertThat(teacher.sequencesScored()).isEqualTo(1);
    }

    @Test
    void score_whileATierIsStuck_returnsAndOthersInMemoryAreServed() {
        ask(task(1)).awaitOnly(RowSource.COMPUTED);
        disk.holdLookups();
        RecordingCallback stuck = ask(task(2));

        ask(task(1)).awaitOnly(RowSource.cached("memory"));
        assertThat(stuck.told()).isEmpty();
    }

    @Test
    void withdraw_lastAskerWhileWaitingForATurn_sparesTheLookupAndTheForward() {
        disk.holdLookups();
        RecordingCallback other = ask(task(1));
        await().until(() -> disk.lookups().size() == 1);
        RecordingCallback gone = new RecordingCallback();
        CancellationHandle handle = flight.score(task(2), gone);
        assertThat(handle.withdraw()).isTrue();
        disk.allowLookups();

        other.awaitOnly(RowSource.COMPUTED);
        RecordingCallback last = ask(task(3));
        last.awaitOnly(RowSource.COMPUTED);
        assertThat(disk.lookups()).doesNotContain(key(2));
        assertThat(teacher.sequencesScored()).isEqualTo(2);
        assertThat(gone.told()).isEmpty();
    }

    @Test
    void withdraw_lastAskerDuringItsLookup_sparesTheForward() {
        disk.holdLookups();
        RecordingCallback gone = new RecordingCallback();
        CancellationHandle handle = flight.score(task(1), gone);
        await().until(() -> disk.lookups().size() == 1);
        assertThat(handle.withdraw()).isTrue();
        disk.allowLookups();
        ask(task(2)).awaitOnly(RowSource.COMPUTED);

        assertThat(teacher.sequencesScored()).isEqualTo(1);
        assertThat(gone.told()).isEmpty();
    }

    @Test
    void deadline_passedWhileWaitingForATurn_isToldAndNotLookedUp() {
        disk.holdLookups();
        RecordingCallback other = ask(task(1));
        await().until(() -> disk.lookups().size() == 1);
        RecordingCallback late = ask(TestRows.task(2, 4, 64, Deadline.at(1_200)));
        fixture.now.set(1_300);
        disk.allowLookups();

        late.awaitOnly(Failure.Reason.DEADLINE_PASSED);
        other.awaitOnly(RowSource.COMPUTED);
        assertThat(disk.lookups()).containsExactly(key(1));
    }

    @Test
    void deadline_passedDuringALookupThatHits_stillDelivers() {
        disk.holdLookups();
        disk.entries().put(key(1), rows.rows(1));
        RecordingCallback late = ask(TestRows.task(1, 4, 64, Deadline.at(1_200)));
        await().until(() -> disk.lookups().size() == 1);
        fixture.now.set(1_300);
        disk.allowLookups();

        late.awaitOnly(RowSource.cached("disk"));
    }

    @Test
    void turn_thatComesTooLate_passesTheTierOver() {
        disk.holdLookups();
        disk.entries().put(key(2), rows.rows(2));
        ask(task(1));
        await().until(() -> disk.lookups().size() == 1);
        RecordingCallback impatient = ask(task(2));
        fixture.now.set(1_501);
        disk.allowLookups();

        impatient.awaitOnly(RowSource.COMPUTED);
        assertThat(disk.lookups()).containsExactly(key(1));
        assertThat(counter("skipped", "disk")).isEqualTo(1);
    }

    /** As on a disk that is frozen: what waits is computed, and nobody else waits until what hangs comes back. */
    @Test
    void lookup_thatHangs_isPassedOverAndSoIsTheTierUntilItComesBack() {
        disk.holdLookups();
        disk.entries().put(key(1), rows.rows(1));
        RecordingCallback hanging = ask(task(1));
        await().until(() -> disk.lookups().size() == 1);
        RecordingCallback behind = ask(task(2));
        fixture.now.set(1_000 + 5_001);

        hanging.awaitOnly(RowSource.COMPUTED);
        behind.awaitOnly(RowSource.COMPUTED);
        assertThat(hangingLookups()).isEqualTo(1);
        ask(task(3)).awaitOnly(RowSource.COMPUTED);
        assertThat(disk.lookups()).containsExactly(key(1));
        assertThat(shared.lookups()).containsExactlyInAnyOrder(key(1), key(2), key(3));
        assertThat(counter("skipped", "disk")).isEqualTo(3);
        assertThat(counter("errors", "disk")).isEqualTo(3);

        disk.allowLookups();
        await().until(() -> hangingLookups() == 0);
        ask(task(4)).awaitOnly(RowSource.COMPUTED);
        assertThat(disk.lookups()).containsExactly(key(1), key(4));
        assertThat(hanging.told()).hasSize(1);
        assertThat(behind.told()).hasSize(1);
    }

    private double hangingLookups() {
        return fixture.registry
                .get("lyne.teacher.tier.hanging.lookups")
                .tag("tier", "disk")
                .gauge()
                .value();
    }

    @Test
    void tier_thatThrows_isAMissAndANumber() {
        disk.breakDown();
        RecordingCallback callback = ask(task(1));

        callback.awaitOnly(RowSource.COMPUTED);
        await().until(() -> counter("errors", "disk") == 2); // the lookup, and the write behind it
        await().until(() -> shared.entries().containsKey(key(1)));
    }

    @Test
    void bypass_neitherReadsNorWritesAnyTier() {
        disk.entries().put(key(1), rows.rows(1));
        ScoreTask plain = task(1);
        ask(new ScoreTask(plain.item(), plain.format(), plain.deadline(), true)).awaitOnly(RowSource.COMPUTED);

        assertThat(disk.lookups()).isEmpty();
        assertThat(shared.entries()).isEmpty();
    }
}
