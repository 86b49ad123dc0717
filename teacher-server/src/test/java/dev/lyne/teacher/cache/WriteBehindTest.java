package dev.lyne.teacher.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.row.RowSource;
import dev.lyne.teacher.score.RecordingCallback;
import dev.lyne.teacher.score.ScoreTask;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Writes to slower tiers: behind the answers, within a bound, and done before the tiers are closed. */
final class WriteBehindTest {
    private final TieredFlight fixture = new TieredFlight();
    private final TestTier disk = fixture.disk;
    private final TestTier shared = fixture.shared;

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

    private double counter(String name, String tier) {
        return fixture.counter(name, tier);
    }

    @Test
    void writes_beyondTheBound_areDroppedAndNeverDelayAnAnswer() {
        disk.holdWrites();
        long each = fixture.rows.rows(0).bytes();
        int fitting = (int) (TieredFlight.MAX_UNWRITTEN_BYTES / each);
        for (int number = 0; number < fitting + 3; number++) {
            ask(task(number)).awaitOnly(RowSource.COMPUTED);
        }

        assertThat(counter("write.drops", "disk")).isEqualTo(3);
        assertThat(fixture.registry
                        .get("lyne.teacher.tier.unwritten.bytes")
                        .tag("tier", "disk")
                        .gauge()
                        .value())
                .isEqualTo((double) (fitting * each));
        await().until(() -> shared.entries().size() == fitting + 3);
    }

    @Test
    void lookup_ofRowsThatWaitToBeWritten_findsThem() {
        disk.holdWrites();
        ask(task(1)).awaitOnly(RowSource.COMPUTED);
        fixture.memory.close(); // as if it had been evicted

        ask(task(1)).awaitOnly(RowSource.cached("disk"));
        assertThat(fixture.teacher.sequencesScored()).isEqualTo(1);
    }

    @Test
    void close_writesWhatWaitsFirst() throws InterruptedException {
        disk.holdWrites();
        for (int number = 0; number < 5; number++) {
            ask(task(number)).awaitOnly(RowSource.COMPUTED);
        }
        disk.allowWrites();
        fixture.caches.close(fixture.now.get() + Duration.ofSeconds(10).toNanos());

        assertThat(disk.entries()).hasSize(5);
        assertThat(disk.closed() && shared.closed()).isTrue();
        ask(task(7)).awaitOnly(RowSource.COMPUTED); // closed tiers are passed over
    }

    @Test
    void close_withAWriteThatHangs_endsAtItsBoundAndCountsTheRest() throws InterruptedException {
        disk.holdWrites();
        for (int number = 0; number < 5; number++) {
            ask(task(number)).awaitOnly(RowSource.COMPUTED);
        }
        fixture.caches.close(fixture.now.get());

        assertThat(disk.closed()).isTrue();
        assertThat(counter("write.drops", "disk")).isEqualTo(4); // the fifth is the one that hung
    }
}
