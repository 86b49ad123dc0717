package dev.lyne.teacher.cache.entry;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.teacher.cache.TierMetrics;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.score.CachedSelection;
import dev.lyne.teacher.score.RowsQuery;
import dev.lyne.teacher.score.StoredRows;
import dev.lyne.teacher.score.TestRows;
import dev.lyne.wire.RowFormat;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

/**
 * Mutated entries, their checksums right again, are found damaged or hold rows of the very sequence, and never take much memory. The
 * whole run: {@code mvn -pl teacher-server -am test -Dtest=MutatedEntriesTest -Dsurefire.failIfNoSpecifiedTests=false
 * -Dlyne.mutations=10000000}.
 */
final class MutatedEntriesTest {
    private static final int MUTATIONS = Integer.getInteger("lyne.mutations", 20_000);
    private static final long SEED = Long.getLong("lyne.seed", 20_261_122L);
    private static final int HEADER_BYTES = 44;
    private static final int BLOCK_HEADER_BYTES = 104;

    /** Scratch and tables of a decoder, which it may need whatever the input, and its error's text. */
    private static final long FLAT_BYTES = 1 << 20;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /** An entry, and the query that it answers. */
    private record Stored(byte[] entry, RowsQuery query) {}

    private static List<Stored> entries() {
        TestRows rows = new TestRows(new FakeTeacher("fake", 300, 64));
        List<Stored> entries = new ArrayList<>();
        for (Selection selection : List.of(
                new Selection.TopK(6, List.of(2f)),
                new Selection.TopPK(0.8, 12, 1f, List.of()),
                new Selection.Draws(9, 3, 2, List.of()),
                new Selection.LabelOnly(List.of()))) {
            for (Precision precision : Precision.values()) {
                for (int tokens : new int[] {3, 14}) {
                    var task = TestRows.task(tokens, tokens, new RowFormat(selection, precision, false));
                    RowsQuery query = rows.query(task);
                    entries.add(new Stored(EntryFormat.write(query.key(), rows.rows(task)), query));
                }
            }
        }
        return entries;
    }

    @Test
    void read_mutatedEntries_areDamagedOrOfTheSequenceWithBoundedMemory() {
        List<Stored> entries = entries();
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        EntryReader reader = new EntryReader(new TierMetrics(registry, "disk"));
        SplittableRandom random = new SplittableRandom(SEED);
        long accepted = 0;
        long most = 0;
        for (int i = 0; i < MUTATIONS; i++) {
            Stored stored = entries.get(random.nextInt(entries.size()));
            byte[] mutated = mutate(stored.entry(), random);
            long before = THREADS.getCurrentThreadAllocatedBytes();
            Optional<StoredRows> rows;
            try {
                rows = reader.read(Optional.of(mutated), stored.query());
            } catch (RuntimeException | Error e) {
                throw new AssertionError("mutation " + i + " of seed " + SEED, e);
            }
            long taken = THREADS.getCurrentThreadAllocatedBytes() - before;
            most = Math.max(most, taken);
            if (taken > FLAT_BYTES + 64L * mutated.length) {
                throw new AssertionError(taken + " bytes taken by one of " + mutated.length + ", mutation " + i);
            }
            if (rows.isPresent()) {
                accepted++;
                requireOfTheSequence(rows.get().holds(), stored.query());
            }
        }
        double damaged = registry.get("lyne.teacher.tier.damaged").counter().count();
        System.out.printf(
                "%,d mutated entries: %,.0f damaged, %,d of values alone; at most %,d bytes taken by one%n",
                MUTATIONS, damaged, accepted, most);
        assertThat(damaged + accepted).isEqualTo(MUTATIONS);
        assertThat(damaged).as("seed %d", SEED).isGreaterThan(MUTATIONS / 2.0);
    }

    private static void requireOfTheSequence(CachedSelection holds, RowsQuery query) {
        int[] positions = holds.positions();
        for (int i = 0; i < positions.length; i++) {
            if (positions[i] >= query.tokens().length || (i > 0 && positions[i] <= positions[i - 1])) {
                throw new AssertionError("positions " + Arrays.toString(positions));
            }
        }
        if (!query.isKeyOf(holds.format().selection())) {
            throw new AssertionError("selection " + holds.format().selection());
        }
    }

    /** Bytes changed, in rows or in headers, of the block's or of the entry's; the checksums of both are right. */
    private static byte[] mutate(byte[] entry, SplittableRandom random) {
        byte[] bytes = entry.clone();
        int end = bytes.length - 8;
        for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
            int from = switch (random.nextInt(8)) {
                case 0 -> 0;
                case 1 -> HEADER_BYTES;
                default -> HEADER_BYTES + BLOCK_HEADER_BYTES;
            };
            int at = from + random.nextInt(end - from);
            bytes[at] ^= (byte) (1 + random.nextInt(255));
        }
        if (random.nextInt(10) == 0) {
            bytes = Arrays.copyOf(bytes, HEADER_BYTES + 8 + random.nextInt(bytes.length));
        }
        int block = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(HEADER_BYTES);
        if (block >= 4 && HEADER_BYTES + 4 + (long) block <= bytes.length) {
            seal(bytes, HEADER_BYTES + 4, HEADER_BYTES + 4 + block);
        }
        seal(bytes, 0, bytes.length);
        return bytes;
    }

    private static void seal(byte[] bytes, int from, int to) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, from, to - 4 - from);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(to - 4, (int) crc.getValue());
    }
}
