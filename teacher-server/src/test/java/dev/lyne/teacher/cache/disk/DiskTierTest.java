package dev.lyne.teacher.cache.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.teacher.cache.TierMetrics;
import dev.lyne.teacher.cache.entry.EntryFormat;
import dev.lyne.teacher.score.Deadline;
import dev.lyne.teacher.score.RowsQuery;
import dev.lyne.teacher.score.ScoreTask;
import dev.lyne.teacher.score.StoredRows;
import dev.lyne.teacher.score.TestRows;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.RocksDBException;

/** A real database in a directory of its own. */
final class DiskTierTest {
    private static final long MAX_BYTES = 8L << 20;

    @TempDir
    private Path directory;

    private final TestRows rows = new TestRows();
    private SimpleMeterRegistry registry = new SimpleMeterRegistry();

    private DiskTier open() {
        registry = new SimpleMeterRegistry();
        return DiskTier.open(
                DiskTierOptions.of(directory, MAX_BYTES), System::nanoTime, new TierMetrics(registry, DiskTier.NAME));
    }

    private double counter(String name) {
        return registry.get("lyne.teacher.tier." + name).counter().count();
    }

    private double gauge(String name) {
        return registry.get("lyne.teacher.tier." + name).gauge().value();
    }

    private void keep(DiskTier tier, int number) {
        tier.keep(rows.query(number).key(), rows.rows(number));
    }

    private void assertFound(DiskTier tier, int number) {
        assertThat(tier.find(rows.query(number)))
                .hasValueSatisfying(found ->
                        assertThat(TestRows.equal(found, rows.rows(number))).isTrue());
    }

    private Path database() {
        return directory.resolve("rows-" + EntryFormat.VERSION);
    }

    private List<Path> files(String suffix) throws IOException {
        try (Stream<Path> files = Files.list(database())) {
            return files.filter(file -> file.toString().endsWith(suffix)).toList();
        }
    }

    /** Bytes of the files that are there; the database may delete one meanwhile, which then counts as empty. */
    private long filesBytes() {
        return Stream.of(directory, database())
                .flatMap(parent ->
                        Stream.of(Objects.requireNonNull(parent.toFile().listFiles())))
                .filter(File::isFile)
                .mapToLong(File::length)
                .sum();
    }

    /** Rewrites a file with one byte changed in the middle of a sequence's rows. */
    private void damage(String suffix, int number) throws IOException {
        byte[] block = rows.rows(number).rows().blocks().get(0).bytes();
        for (Path file : files(suffix)) {
            byte[] bytes = Files.readAllBytes(file);
            int at = indexOf(bytes, block);
            if (at >= 0) {
                bytes[at + block.length / 2] ^= 1;
                Files.write(file, bytes);
                return;
            }
        }
        throw new AssertionError("no " + suffix + " file holds the rows of sequence " + number);
    }

    private static int indexOf(byte[] bytes, byte[] part) {
        for (int at = 0; at + part.length <= bytes.length; at++) {
            if (Arrays.equals(bytes, at, at + part.length, part, 0, part.length)) {
                return at;
            }
        }
        return -1;
    }

    @Test
    void find_kept_givesTheSameBytes() {
        try (DiskTier tier = open()) {
            assertThat(tier.find(rows.query(1))).isEmpty();
            keep(tier, 1);

            assertFound(tier, 1);
            assertThat(tier.find(rows.query(2))).isEmpty();
            assertThat(counter("misses")).isEqualTo(2);
            assertThat(gauge("up")).isEqualTo(1);
            assertThat(gauge("bytes")).isGreaterThan((double) rows.rows(1).bytes());
            assertThat(gauge("entries")).isEqualTo(1);
        }
    }

    @Test
    void find_heldForAnotherSelection_givesWhatIsHeldUntilReplaced() {
        try (DiskTier tier = open()) {
            ScoreTask wide = TestRows.task(1, 8);
            RowsQuery query = rows.query(wide);
            keep(tier, 1);
            assertFound(tier, 1);
            assertThat(tier.find(query))
                    .hasValueSatisfying(held ->
                            assertThat(TestRows.equal(held, rows.rows(1))).isTrue());
            tier.keep(query.key(), rows.rows(wide));

            assertThat(tier.find(rows.query(1)))
                    .hasValueSatisfying(held ->
                            assertThat(TestRows.equal(held, rows.rows(wide))).isTrue());
            assertThat(counter("damaged")).isZero();
        }
    }

    @Test
    void reopen_givesWhatWasKept() {
        try (DiskTier tier = open()) {
            keep(tier, 1);
        }
        try (DiskTier tier = open()) {
            assertFound(tier, 1);
        }
    }

    @Test
    void keep_farMoreThanFits_staysWithinTheBoundAndKeepsTheNewest() {
        StoredRows large = rows.rows(TestRows.task(0, 4, 600, Deadline.NONE));
        int kept = 1_200;
        try (DiskTier tier = open()) {
            keep(tier, 0);
            for (int number = 1; number < kept - 1; number++) {
                tier.keep(rows.query(number).key(), large);
                if (number % 100 == 0) {
                    assertThat(filesBytes()).isLessThanOrEqualTo(MAX_BYTES);
                }
            }
            keep(tier, kept - 1);

            assertThat(kept * large.bytes()).isGreaterThan(3 * MAX_BYTES);
            assertThat(filesBytes()).isBetween(MAX_BYTES / 3, MAX_BYTES);
            assertFound(tier, kept - 1);
            assertThat(tier.find(rows.query(0))).isEmpty();
            assertThat(counter("write.drops")).isZero();
        }
    }

    @Test
    void keep_largerThanABuffer_isDropped() {
        try (DiskTier tier = open()) {
            ScoreTask large = TestRows.task(1, 64, 1_000, Deadline.NONE);
            tier.keep(rows.query(large).key(), rows.rows(large));

            assertThat(tier.find(rows.query(large))).isEmpty();
            assertThat(counter("write.drops")).isEqualTo(1);
        }
    }

    @Test
    void find_inADamagedTable_isAMissThatIsCountedAndCanBeKeptAgain() throws IOException {
        try (DiskTier tier = open()) {
            keep(tier, 1);
            keep(tier, 2);
        }
        open().close(); // moves the log into a table
        damage(".sst", 1);
        try (DiskTier tier = open()) {
            assertThat(tier.find(rows.query(1))).isEmpty();
            assertThat(counter("damaged")).isEqualTo(1);
            keep(tier, 1);
            assertFound(tier, 1);
        }
    }

    @Test
    void find_inADamagedLog_isAMissOrTheRightRows() throws IOException {
        try (DiskTier tier = open()) {
            keep(tier, 1);
            keep(tier, 2);
        }
        damage(".log", 2);
        try (DiskTier tier = open()) {
            assertFound(tier, 1);
            assertThat(tier.find(rows.query(2))).isEmpty();
            keep(tier, 2);
            assertFound(tier, 2);
        }
    }

    @Test
    void find_damagedWhereTheDatabaseCannotTell_isFoundOutByTheEntrysOwnChecksum() throws RocksDBException {
        open().close();
        byte[] entry = EntryFormat.write(rows.query(1).key(), rows.rows(1));
        entry[entry.length / 2] ^= 1;
        try (RowDatabase database = RowDatabase.open(database(), MAX_BYTES)) {
            database.put(rows.query(1).key().bytes(), entry);
            database.put(
                    rows.query(2).key().bytes(), EntryFormat.write(rows.query(3).key(), rows.rows(3)));
            database.put(rows.query(4).key().bytes(), new byte[0]);
        }
        try (DiskTier tier = open()) {
            assertThat(tier.find(rows.query(1))).isEmpty();
            assertThat(tier.find(rows.query(2))).isEmpty();
            assertThat(tier.find(rows.query(4))).isEmpty();
            assertThat(counter("damaged")).isEqualTo(3);
            assertThat(counter("misses")).isEqualTo(3);
        }
    }

    @Test
    void open_onADatabaseTooDamagedToOpen_startsAnew() throws IOException {
        try (DiskTier tier = open()) {
            keep(tier, 1);
        }
        open().close();
        for (Path file : files(".sst")) {
            Files.delete(file);
        }
        try (DiskTier tier = open()) {
            assertThat(tier.find(rows.query(1))).isEmpty();
            keep(tier, 1);
            assertFound(tier, 1);
            assertThat(counter("damaged")).isEqualTo(1);
        }
    }

    @Test
    void open_inADirectoryOfAnotherServer_isRefused() {
        try (DiskTier tier = open()) {
            assertThatThrownBy(this::open)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("disk cache: " + directory
                            + " is locked by another server (expected: a directory of this server's own)");
            keep(tier, 1);
        }
        try (DiskTier tier = open()) {
            assertFound(tier, 1);
        }
    }

    @Test
    void options_thatCannotBe_areRefusedWithTheValue() throws IOException {
        Path file = Files.createFile(directory.resolve("file"));

        assertThatThrownBy(() -> DiskTierOptions.of(file, MAX_BYTES))
                .hasMessage("disk cache: " + file + " (expected: a directory that this server can write)");
        assertThatThrownBy(() -> DiskTierOptions.of(file.resolve("below"), MAX_BYTES))
                .hasMessageContaining("expected: a directory that this server can write");
        assertThatThrownBy(() -> DiskTierOptions.of(directory, 1 << 20))
                .hasMessage("disk cache bytes: 1048576 (expected: 4194304 or more)");
    }

    @Test
    void find_afterClose_isSkipped() {
        DiskTier tier = open();
        keep(tier, 1);
        tier.close();
        tier.close();

        assertThat(tier.find(rows.query(1))).isEmpty();
        keep(tier, 2);
        assertThat(counter("skipped")).isEqualTo(1);
        assertThat(counter("write.drops")).isEqualTo(1);
    }
}
