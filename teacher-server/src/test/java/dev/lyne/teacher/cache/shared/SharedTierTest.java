package dev.lyne.teacher.cache.shared;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lyne.teacher.cache.TierMetrics;
import dev.lyne.teacher.cache.entry.EntryFormat;
import dev.lyne.teacher.score.Deadline;
import dev.lyne.teacher.score.RowsQuery;
import dev.lyne.teacher.score.ScoreTask;
import dev.lyne.teacher.score.TestRows;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A real Redis server: what is kept, what is refused, and what it costs when the server is not there. */
final class SharedTierTest {
    private static final Duration AMPLE = Duration.ofSeconds(20);
    private static final Duration HOUR = Duration.ofHours(1);
    private static final int MAX_ENTRY_BYTES = 100_000;

    private static TestRedis redis;

    private final TestRows rows = new TestRows();
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();

    @BeforeAll
    static void start() throws IOException {
        redis = new TestRedis();
    }

    @AfterAll
    static void stop() throws IOException {
        redis.close();
    }

    private SharedTier open(String url, Duration timeToLive, Duration budget, Duration openFor)
            throws InterruptedException {
        return SharedTier.open(
                new SharedTierOptions(SharedTierOptions.server(url), timeToLive, budget, MAX_ENTRY_BYTES, openFor),
                new TierMetrics(registry, SharedTier.NAME));
    }

    private SharedTier open() throws InterruptedException {
        return open(redis.url(), HOUR, AMPLE, AMPLE);
    }

    private void keep(SharedTier tier, int number) {
        tier.keep(rows.query(number).key(), rows.rows(number));
    }

    private boolean finds(SharedTier tier, int number) {
        return tier.find(rows.query(number))
                .filter(found -> TestRows.equal(found, rows.rows(number)))
                .isPresent();
    }

    private double counter(String name) {
        return registry.get("lyne.teacher.tier." + name).counter().count();
    }

    private double gauge(String name) {
        return registry.get("lyne.teacher.tier." + name).gauge().value();
    }

    private boolean breakerIs(String state) {
        return registry.get("lyne.teacher.tier.breaker")
                        .tag("state", state)
                        .gauge()
                        .value()
                == 1;
    }

    @Test
    void size_isTheServersAndNeverWaitedFor() throws InterruptedException {
        try (SharedTier tier = open()) {
            keep(tier, 1);
            assertThat(gauge("bytes")).isNaN(); // not asked before
            await().until(() -> gauge("entries") >= 1 && gauge("bytes") > 100_000);
        }
    }

    @Test
    void find_keptByAnotherServer_givesTheSameBytes() throws InterruptedException {
        try (SharedTier one = open()) {
            keep(one, 1);
        }
        try (SharedTier other = open()) {
            assertThat(finds(other, 1)).isTrue();
            assertThat(finds(other, 2)).isFalse();
            assertThat(counter("misses")).isEqualTo(1);
            assertThat(breakerIs("closed")).isTrue();
        }
    }

    @Test
    void keep_expiresAfterItsTimeToLive() throws InterruptedException {
        try (SharedTier tier = open(redis.url(), Duration.ofMillis(1), AMPLE, AMPLE)) {
            keep(tier, 3);

            assertThat(counter("written.bytes")).isPositive();
            await().until(() -> !finds(tier, 3));
            assertThat(counter("damaged")).isZero();
        }
    }

    @Test
    void keep_largerThanTheBound_isDropped() throws InterruptedException {
        try (SharedTier tier = open()) {
            ScoreTask large = TestRows.task(4, 64, 1_000, Deadline.NONE);
            tier.keep(rows.query(large).key(), rows.rows(large));

            assertThat(tier.find(rows.query(large))).isEmpty();
            assertThat(counter("write.drops")).isEqualTo(1);
        }
    }

    @Test
    void find_whatSomebodyElsePutThere_isAMissAndCounted() throws Exception {
        RowsQuery query = rows.query(5);
        byte[] garbled = EntryFormat.write(query.key(), rows.rows(5));
        garbled[garbled.length / 2] ^= 1;
        byte[][] hostile = {
            garbled, EntryFormat.write(rows.query(6).key(), rows.rows(6)), new byte[3], new byte[MAX_ENTRY_BYTES + 1]
        };
        try (SharedTier tier = open();
                RedisConnection connection = new RedisConnection(SharedTierOptions.server(redis.url()))) {
            for (byte[] value : hostile) {
                connection.set(SharedTier.key(query.key()), value, HOUR, AMPLE);
                assertThat(tier.find(query)).isEmpty();
            }
            assertThat(counter("damaged")).isEqualTo(hostile.length);
            keep(tier, 5);
            assertThat(finds(tier, 5)).isTrue();
        }
    }

    @Test
    void serverStops_thenComesBack_opensAndClosesTheBreaker() throws Exception {
        try (TestRedis mortal = new TestRedis();
                SharedTier tier = open(mortal.url(), HOUR, AMPLE, Duration.ofMillis(100))) {
            keep(tier, 1);
            assertThat(finds(tier, 1)).isTrue();
            mortal.stop();
            await().until(() -> {
                assertThat(tier.find(rows.query(1))).isEmpty();
                return breakerIs("open");
            });
            assertThat(counter("errors")).isPositive();
            mortal.restart();
            await().until(() -> {
                keep(tier, 1);
                return finds(tier, 1);
            });
            assertThat(breakerIs("closed")).isTrue();
        }
    }

    @Test
    void serverDownAtTheStart_isAnOpenBreakerThatClosesLater() throws Exception {
        try (TestRedis late = new TestRedis()) {
            late.stop();
            try (SharedTier tier = open(late.url(), HOUR, AMPLE, Duration.ofMillis(100))) {
                assertThat(breakerIs("open")).isTrue();
                late.restart();
                await().until(() -> {
                    keep(tier, 1);
                    return finds(tier, 1);
                });
            }
        }
    }

    @Test
    void serverThatDoesNotAnswer_costsAFewBudgetsAndThenNothing() throws Exception {
        try (HeldConnection proxy = new HeldConnection(redis.port());
                SharedTier tier = open(proxy.url(), HOUR, Duration.ofMillis(400), Duration.ofMinutes(1))) {
            keep(tier, 7);
            assertThat(finds(tier, 7)).isTrue();
            proxy.hold();
            while (!breakerIs("open")) {
                long before = System.nanoTime();
                assertThat(tier.find(rows.query(7))).isEmpty();
                assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(5));
            }
            assertThat(counter("errors")).isBetween(2.0, 10.0);
            double skipped = counter("skipped");
            long sent = proxy.requestBytes();
            for (int i = 0; i < 1_000; i++) {
                assertThat(tier.find(rows.query(7))).isEmpty();
            }
            assertThat(counter("skipped") - skipped).isEqualTo(1_000);
            assertThat(proxy.requestBytes()).isEqualTo(sent);
        }
    }

    @Test
    void serverThatAnswersAgain_isFoundOutByOneProbeAtATime() throws Exception {
        try (HeldConnection proxy = new HeldConnection(redis.port());
                SharedTier tier = open(proxy.url(), HOUR, Duration.ofSeconds(2), Duration.ofMillis(50))) {
            proxy.hold();
            while (!breakerIs("open")) {
                assertThat(tier.find(rows.query(8))).isEmpty();
            }
            proxy.release();
            await().until(() -> {
                keep(tier, 8);
                return finds(tier, 8);
            });
            assertThat(breakerIs("closed")).isTrue();
        }
    }

    @Test
    void serverThatRefusesWrites_isStillRead() throws Exception {
        try (TestRedis full = new TestRedis();
                SharedTier tier = open(full.url(), HOUR, AMPLE, AMPLE)) {
            keep(tier, 1);
            full.configure("maxmemory-policy", "noeviction");
            full.configure("maxmemory", "1");
            for (int number = 2; number < 20; number++) {
                keep(tier, number);
            }

            assertThat(counter("write.drops")).isEqualTo(18);
            assertThat(finds(tier, 1)).isTrue();
            assertThat(breakerIs("closed")).isTrue();
        }
    }

    @Test
    void url_thatIsNone_isRefusedWithoutItsPassword() {
        for (String url : new String[] {"", "localhost:6379", "http://localhost", "redis://", "redis://host:port"}) {
            assertThatThrownBy(() -> SharedTierOptions.of(url, HOUR, AMPLE))
                    .as(url)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("shared cache: " + url + " (expected: redis://HOST:PORT");
        }
        assertThatThrownBy(() -> SharedTierOptions.of("http://me:secret@host", HOUR, AMPLE))
                .hasMessageContaining("http://***@host")
                .hasMessageNotContaining("secret");
        assertThatThrownBy(() -> SharedTierOptions.of(redis.url(), Duration.ZERO, AMPLE))
                .hasMessage("shared cache time to live: PT0S (expected: above 0)");
    }
}
