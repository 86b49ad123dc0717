package dev.lyne.teacher.score;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.teacher.cache.TeacherCaches;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Rows that wait to be vouched for: who is told before they are too many, and what becomes of those that are. */
final class SetAsideTest {
    private final TestRows rows = new TestRows();
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final RowStore tiers =
            TeacherCaches.open(List.of(), System::nanoTime, registry).of("fake", 1 << 20);
    private final AtomicInteger hurried = new AtomicInteger();
    private final CompletableFuture<Void> vouched = new CompletableFuture<>();

    /** Room for four sequences, which are alike. */
    private final SetAside aside =
            new SetAside(tiers, 4 * rows.rows(1).bytes(), hurried::incrementAndGet, new CacheMetrics(registry, "fake"));

    private void keep(int number) {
        aside.keep(rows.query(number), rows.rows(number), vouched);
    }

    private double unkept() {
        return registry.get("lyne.teacher.cache.unkept").counter().count();
    }

    @Test
    void keep_fromHalfOfTheBoundOn_hurriesWhoVouches() {
        keep(1);
        keep(2);
        assertThat(hurried).hasValue(0);
        keep(3);
        assertThat(hurried).hasValue(1);
    }

    @Test
    void keep_beyondTheBound_isCountedAndHurries() {
        for (int number = 1; number <= 6; number++) {
            keep(number);
        }
        assertThat(unkept()).isEqualTo(2);
        assertThat(hurried).hasValue(4);
        assertThat(aside.find(rows.query(4))).isPresent();
        assertThat(aside.find(rows.query(5))).isEmpty();

        vouched.complete(null);
        assertThat(tiers.findInMemory(rows.query(4))).isPresent();
        assertThat(tiers.findInMemory(rows.query(5))).isEmpty();
        keep(7); // there is room again
        assertThat(unkept()).isEqualTo(2);
        assertThat(tiers.findInMemory(rows.query(7))).isPresent();
    }

    @Test
    void keep_ofDisownedRows_givesTheirRoomBack() {
        for (int number = 1; number <= 4; number++) {
            keep(number);
        }
        vouched.completeExceptionally(new IllegalStateException("the engine has other weights"));
        aside.keep(rows.query(5), rows.rows(5), new CompletableFuture<>());
        assertThat(unkept()).isZero();
        assertThat(tiers.findInMemory(rows.query(1))).isEmpty();
    }
}
