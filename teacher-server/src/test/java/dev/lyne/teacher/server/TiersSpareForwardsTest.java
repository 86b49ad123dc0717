package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.example.tiers.ShelfTier;
import dev.lyne.row.RowSource;
import dev.lyne.teacher.cache.disk.DiskTierOptions;
import dev.lyne.teacher.cache.shared.SharedTierOptions;
import dev.lyne.teacher.cache.shared.TestRedis;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.v1.Rows;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Sequences that were scored once are never scored again: not after a restart, not by another replica, not for more
 * students.
 */
final class TiersSpareForwardsTest {
    private static final int SEQUENCES = 40;
    private static final Duration AMPLE = Duration.ofSeconds(60);

    @TempDir
    private Path directory;

    private static ServerFixture server(UnaryOperator<TeacherServerOptions.Builder> options) throws Exception {
        return new ServerFixture(new FakeTeacher("fake", 1_000, 64), options);
    }

    private TeacherServerOptions.Builder disk(TeacherServerOptions.Builder options) {
        return options.tier(DiskTierOptions.of(directory, 64 << 20));
    }

    private static UnaryOperator<TeacherServerOptions.Builder> sharing(TestRedis redis) {
        return options -> options.tier(SharedTierOptions.of(redis.url(), AMPLE, AMPLE));
    }

    private static int[] tokens(int number) {
        return IntStream.range(0, 32).map(i -> (number + 7 * i) % 1_000).toArray();
    }

    /** A student that asks for all sequences, and reads them all. */
    private static List<Rows> epoch(ServerFixture fixture) {
        TestStream stream = ask(fixture).awaitDone(ids());
        return Arrays.stream(ids())
                .mapToObj(number -> stream.rows(number).get(0))
                .toList();
    }

    private static TestStream ask(ServerFixture fixture) {
        TestStream stream = fixture.stream().open(4);
        for (int number = 0; number < SEQUENCES; number++) {
            stream.score(number, tokens(number));
        }
        return stream;
    }

    private static long[] ids() {
        return LongStream.range(0, SEQUENCES).toArray();
    }

    private static void assertSame(List<Rows> rows, List<Rows> expected, RowSource source) {
        assertThat(rows)
                .extracting(Rows::getBlock)
                .isEqualTo(expected.stream().map(Rows::getBlock).toList());
        assertThat(rows)
                .extracting(each -> RowSource.of(each.getSourceValue(), each.getTier()))
                .containsOnly(source);
    }

    private static void awaitWritten(ServerFixture fixture, String tier) {
        await().until(() -> fixture.server
                        .registry()
                        .get("lyne.teacher.tier.unwritten.bytes")
                        .tag("tier", tier)
                        .gauge()
                        .value()
                == 0);
    }

    @Test
    void restart_withADiskTier_costsNoForwardAndGivesTheSameBytes() throws Exception {
        List<Rows> first;
        try (ServerFixture fixture = server(this::disk)) {
            first = epoch(fixture);
            assertThat(fixture.teacher.sequencesScored()).isEqualTo(SEQUENCES);
        } // drains, and so writes what waits to be written
        try (ServerFixture fixture = server(this::disk)) {
            assertSame(epoch(fixture), first, RowSource.cached("disk"));
            assertSame(epoch(fixture), first, RowSource.cached("memory"));
            assertThat(fixture.teacher.sequencesScored()).isZero();
            assertThat(fixture.counter("lyne.teacher.cache.misses")).isZero();
            assertThat(fixture.counter("lyne.teacher.cache.hits")).isEqualTo(2 * SEQUENCES);
        }
    }

    @Test
    void tierOfOnesOwn_afterARestart_costsNoForwardAndIsNamedToStudents() throws Exception {
        ShelfTier shelf = new ShelfTier();
        List<Rows> first;
        try (ServerFixture fixture = server(options -> options.tier(shelf))) {
            first = epoch(fixture);
        }
        try (ServerFixture fixture = server(options -> options.tier(shelf))) {
            assertSame(epoch(fixture), first, RowSource.cached("shelf"));
            assertSame(epoch(fixture), first, RowSource.cached("memory"));
            assertThat(fixture.teacher.sequencesScored()).isZero();
        }
    }

    @Test
    void twoTiersOfOneName_areRefused() {
        ShelfTier shelf = new ShelfTier();
        assertThatThrownBy(TeacherServerOptions.builder().tier(shelf).tier(shelf)::build)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("cache tiers: two of name shelf (expected: one of each)");
    }

    @Test
    void secondReplica_sharingARedis_costsNoForwardAndGivesTheSameBytes() throws Exception {
        try (TestRedis redis = new TestRedis();
                ServerFixture one = server(sharing(redis));
                ServerFixture two = server(sharing(redis))) {
            List<Rows> first = epoch(one);
            awaitWritten(one, "shared");

            assertSame(epoch(two), first, RowSource.cached("shared"));
            assertSame(epoch(two), first, RowSource.cached("memory"));
            assertThat(two.teacher.sequencesScored()).isZero();
        }
    }

    @Test
    void redisThatStops_failsNoRequest() throws Exception {
        try (TestRedis redis = new TestRedis();
                ServerFixture fixture = server(options -> options.memoryCacheBytes(0)
                        .tier(SharedTierOptions.of(redis.url(), AMPLE, Duration.ofMillis(200))))) {
            List<Rows> first = epoch(fixture);
            awaitWritten(fixture, "shared"); // what is not written yet is found in the tier's own queue
            redis.stop();

            assertSame(epoch(fixture), first, RowSource.COMPUTED);
            assertThat(fixture.gauge("lyne.teacher.sequences.in.flight")).isZero();
        }
    }

    @Test
    void eightStudents_withMemoryForATenth_costTheForwardsOfOne() throws Exception {
        try (ServerFixture fixture = server(options -> disk(options).memoryCacheBytes(8_000))) {
            List<TestStream> students = new ArrayList<>();
            for (int student = 0; student < 8; student++) {
                TestStream stream = ask(fixture);
                await().until(() -> stream.done() >= 5); // then the next one starts
                students.add(stream);
            }
            students.forEach(stream -> stream.awaitDone(ids()));

            assertThat(students).hasSize(8).allMatch(student -> student.done() == SEQUENCES);
            assertThat(fixture.teacher.sequencesScored()).isEqualTo(SEQUENCES);
        }
    }
}
