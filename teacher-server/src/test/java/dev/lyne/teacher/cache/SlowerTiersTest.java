package dev.lyne.teacher.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.teacher.batch.BatchMetrics;
import dev.lyne.teacher.batch.BatchOptions;
import dev.lyne.teacher.batch.Batcher;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.FakeTeacher;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Single-flight over tiers that take their time: what is searched once, who is told what, what is kept where. */
final class SlowerTiersTest {
    private static final long MAX_UNWRITTEN_BYTES = 20_000;

    private final AtomicLong now = new AtomicLong(1_000);
    private final FakeTeacher teacher = new FakeTeacher("fake", 1_000, 2_048);
    private final TestRows rows = new TestRows(teacher);
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final TestTier disk = new TestTier(Origin.DISK);
    private final TestTier shared = new TestTier(Origin.SHARED);
    private final MemoryTier memory = new MemoryTier(1 << 20, registry);
    private final CacheTiers tiers = new CacheTiers(memory, List.of(lane(disk), lane(shared)));
    private final Batcher batcher = new Batcher(
            teacher, new BatchOptions(1, Duration.ZERO, 0, 1), 1, now::get, new BatchMetrics(registry, "fake"));
    private final SingleFlight flight = new SingleFlight(
            teacher.description(),
            tiers,
            new SequenceEncoder(teacher.description(), 1 << 20),
            batcher,
            now::get,
            new CacheMetrics(registry, "fake"));

    private TierLane lane(TestTier tier) {
        LaneOptions options = new LaneOptions(1, Duration.ofNanos(500), MAX_UNWRITTEN_BYTES);
        return new TierLane(tier, options, now::get, new TierMetrics(registry, tier.origin()));
    }

    @AfterEach
    void close() throws InterruptedException {
        teacher.allowAll();
        for (TestTier tier : List.of(disk, shared)) {
            tier.allowLookups();
            tier.allowWrites();
        }
        batcher.close();
        tiers.close(now.get() + Duration.ofSeconds(10).toNanos());
    }

    private Asker ask(ScoreTask task) {
        Asker asker = new Asker();
        flight.score(task, asker);
        return asker;
    }

    private static ScoreTask task(int number) {
        return TestRows.task(number, 4);
    }

    private CacheKey key(int number) {
        return rows.query(number).key();
    }

    private double counter(String name, String tier) {
        return registry.get("lyne.teacher.tier." + name)
                .tag("tier", tier)
                .counter()
                .count();
    }

    @Test
    void score_nowhere_isComputedAndKeptInEveryTier() {
        ask(task(1)).awaitOnly(Origin.COMPUTED);

        await().until(() ->
                disk.entries().containsKey(key(1)) && shared.entries().containsKey(key(1)));
        assertThat(disk.lookups()).containsExactly(key(1));
        assertThat(shared.lookups()).containsExactly(key(1));
        ask(task(1)).awaitOnly(Origin.MEMORY);
        assertThat(disk.lookups()).hasSize(1);
    }

    @Test
    void score_inTheSlowestTier_isServedAndPromotedWithoutAForward() {
        shared.entries().put(key(1), rows.rows(1));

        ask(task(1)).awaitOnly(Origin.SHARED);
        await().until(() -> disk.entries().containsKey(key(1)));
        ask(task(1)).awaitOnly(Origin.MEMORY);
        assertThat(teacher.sequencesScored()).isZero();
        assertThat(registry.get("lyne.teacher.cache.hits").counter().count()).isEqualTo(2);
    }

    @Test
    void score_inTheFasterOfTwoTiers_neverAsksTheSlower() {
        disk.entries().put(key(1), rows.rows(1));

        ask(task(1)).awaitOnly(Origin.DISK);
        assertThat(shared.lookups()).isEmpty();
        assertThat(shared.entries()).isEmpty();
    }

    @Test
    void score_heldForAnotherSelection_isComputedAndReplaced() {
        disk.entries().put(key(1), rows.rows(1));
        ScoreTask wider = TestRows.task(1, 8);

        ask(wider).awaitOnly(Origin.COMPUTED);
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
        Asker first = ask(task(1));
        await().until(() -> disk.lookups().size() == 1);
        Asker second = ask(task(1));
        Asker third = ask(task(1));
        disk.allowLookups();

        List.of(first, second, third).forEach(asker -> asker.awaitOnly(Origin.DISK));
        assertThat(disk.lookups()).hasSize(1);
        assertThat(teacher.sequencesScored()).isZero();
    }

    @Test
    void score_equalRequestsWhileATierIsSearchedInVain_shareOneForward() {
        disk.holdLookups();
        Asker first = ask(task(1));
        Asker second = ask(task(1));
        disk.allowLookups();

        first.awaitOnly(Origin.COMPUTED);
        second.awaitOnly(Origin.COALESCED);
        assertThat(teacher.sequencesScored()).isEqualTo(1);
    }

    @Test
    void score_whileATierIsStuck_returnsAndOthersInMemoryAreServed() {
        ask(task(1)).awaitOnly(Origin.COMPUTED);
        disk.holdLookups();
        Asker stuck = ask(task(2));

        ask(task(1)).awaitOnly(Origin.MEMORY);
        assertThat(stuck.told()).isEmpty();
    }

    @Test
    void withdraw_lastAskerWhileWaitingForATurn_sparesTheLookupAndTheForward() {
        disk.holdLookups();
        Asker other = ask(task(1));
        await().until(() -> disk.lookups().size() == 1);
        Asker gone = new Asker();
        Ticket ticket = flight.score(task(2), gone);
        assertThat(ticket.withdraw()).isTrue();
        disk.allowLookups();

        other.awaitOnly(Origin.COMPUTED);
        Asker last = ask(task(3));
        last.awaitOnly(Origin.COMPUTED);
        assertThat(disk.lookups()).doesNotContain(key(2));
        assertThat(teacher.sequencesScored()).isEqualTo(2);
        assertThat(gone.told()).isEmpty();
    }

    @Test
    void withdraw_lastAskerDuringItsLookup_sparesTheForward() {
        disk.holdLookups();
        Asker gone = new Asker();
        Ticket ticket = flight.score(task(1), gone);
        await().until(() -> disk.lookups().size() == 1);
        assertThat(ticket.withdraw()).isTrue();
        disk.allowLookups();
        ask(task(2)).awaitOnly(Origin.COMPUTED);

        assertThat(teacher.sequencesScored()).isEqualTo(1);
        assertThat(gone.told()).isEmpty();
    }

    @Test
    void deadline_passedWhileWaitingForATurn_isToldAndNotLookedUp() {
        disk.holdLookups();
        Asker other = ask(task(1));
        await().until(() -> disk.lookups().size() == 1);
        Asker late = ask(TestRows.task(2, 4, 64, Deadline.at(1_200)));
        now.set(1_300);
        disk.allowLookups();

        late.awaitOnly(Failure.Reason.DEADLINE_PASSED);
        other.awaitOnly(Origin.COMPUTED);
        assertThat(disk.lookups()).containsExactly(key(1));
    }

    @Test
    void deadline_passedDuringALookupThatHits_stillDelivers() {
        disk.holdLookups();
        disk.entries().put(key(1), rows.rows(1));
        Asker late = ask(TestRows.task(1, 4, 64, Deadline.at(1_200)));
        await().until(() -> disk.lookups().size() == 1);
        now.set(1_300);
        disk.allowLookups();

        late.awaitOnly(Origin.DISK);
    }

    @Test
    void turn_thatComesTooLate_passesTheTierOver() {
        disk.holdLookups();
        disk.entries().put(key(2), rows.rows(2));
        ask(task(1));
        await().until(() -> disk.lookups().size() == 1);
        Asker impatient = ask(task(2));
        now.set(1_501);
        disk.allowLookups();

        impatient.awaitOnly(Origin.COMPUTED);
        assertThat(disk.lookups()).containsExactly(key(1));
        assertThat(counter("skipped", "disk")).isEqualTo(1);
    }

    @Test
    void tier_thatThrows_isAMissAndANumber() {
        disk.breakDown();
        Asker asker = ask(task(1));

        asker.awaitOnly(Origin.COMPUTED);
        await().until(() -> counter("errors", "disk") == 2); // the lookup, and the write behind it
        await().until(() -> shared.entries().containsKey(key(1)));
    }

    @Test
    void writes_beyondTheBound_areDroppedAndNeverDelayAnAnswer() {
        disk.holdWrites();
        long each = rows.rows(0).bytes();
        int fitting = (int) (MAX_UNWRITTEN_BYTES / each);
        for (int number = 0; number < fitting + 3; number++) {
            ask(task(number)).awaitOnly(Origin.COMPUTED);
        }

        assertThat(counter("write.drops", "disk")).isEqualTo(3);
        assertThat(registry.get("lyne.teacher.tier.unwritten.bytes")
                        .tag("tier", "disk")
                        .gauge()
                        .value())
                .isEqualTo((double) (fitting * each));
        await().until(() -> shared.entries().size() == fitting + 3);
    }

    @Test
    void lookup_ofRowsThatWaitToBeWritten_findsThem() {
        disk.holdWrites();
        ask(task(1)).awaitOnly(Origin.COMPUTED);
        memory.close(); // as if it had been evicted

        ask(task(1)).awaitOnly(Origin.DISK);
        assertThat(teacher.sequencesScored()).isEqualTo(1);
    }

    @Test
    void close_writesWhatWaitsFirst() throws InterruptedException {
        disk.holdWrites();
        for (int number = 0; number < 5; number++) {
            ask(task(number)).awaitOnly(Origin.COMPUTED);
        }
        disk.allowWrites();
        tiers.close(now.get() + Duration.ofSeconds(10).toNanos());

        assertThat(disk.entries()).hasSize(5);
        assertThat(disk.closed() && shared.closed()).isTrue();
        ask(task(7)).awaitOnly(Origin.COMPUTED); // closed tiers are passed over
    }

    @Test
    void close_withAWriteThatHangs_endsAtItsBoundAndCountsTheRest() throws InterruptedException {
        disk.holdWrites();
        for (int number = 0; number < 5; number++) {
            ask(task(number)).awaitOnly(Origin.COMPUTED);
        }
        tiers.close(now.get());

        assertThat(disk.closed()).isTrue();
        assertThat(counter("write.drops", "disk")).isEqualTo(4); // the fifth is the one that hung
    }

    @Test
    void bypass_neitherReadsNorWritesAnyTier() {
        disk.entries().put(key(1), rows.rows(1));
        ScoreTask plain = task(1);
        ask(new ScoreTask(plain.item(), plain.format(), plain.deadline(), true)).awaitOnly(Origin.COMPUTED);

        assertThat(disk.lookups()).isEmpty();
        assertThat(shared.entries()).isEmpty();
    }
}
