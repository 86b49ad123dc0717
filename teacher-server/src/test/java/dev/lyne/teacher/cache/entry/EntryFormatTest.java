package dev.lyne.teacher.cache.entry;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.teacher.cache.entry.EntryFormat.Reading;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.score.Deadline;
import dev.lyne.teacher.score.EncodedBlock;
import dev.lyne.teacher.score.EncodedSequence;
import dev.lyne.teacher.score.RowsQuery;
import dev.lyne.teacher.score.ScoreTask;
import dev.lyne.teacher.score.StoredRows;
import dev.lyne.teacher.score.TestRows;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

final class EntryFormatTest {
    private static final long SEED = 20_261_122;

    private final TestRows rows = new TestRows();
    private final ScoreTask task = TestRows.task(1, 4, 600, Deadline.NONE);
    private final RowsQuery query = rows.query(task);
    private final StoredRows stored = rows.rows(task);
    private final byte[] entry = EntryFormat.write(query.key(), stored);

    private static byte[] resealed(byte[] entry) {
        byte[] copy = entry.clone();
        CRC32C crc = new CRC32C();
        crc.update(copy, 0, copy.length - 4);
        ByteBuffer.wrap(copy).order(ByteOrder.LITTLE_ENDIAN).putInt(copy.length - 4, (int) crc.getValue());
        return copy;
    }

    private void assertDamaged(byte[] bytes) {
        assertThat(EntryFormat.read(bytes, query)).isInstanceOf(Reading.Damaged.class);
    }

    @Test
    void read_whatWasWritten_givesTheSameBlocksAndHoldings() {
        assertThat(stored.rows().blocks()).hasSize(3);
        assertThat(entry).hasSize((int) EntryFormat.bytes(stored));
        Reading reading = EntryFormat.read(entry, query);

        assertThat(reading).isInstanceOf(Reading.Sound.class);
        assertThat(TestRows.equal(((Reading.Sound) reading).rows(), stored)).isTrue();
        assertThat(((Reading.Sound) reading).rows().rows().blocks())
                .extracting(EncodedBlock::firstPosition)
                .containsExactly(0, 256, 512);
    }

    @Test
    void read_anyByteChanged_isDamaged() {
        for (int at = 0; at < entry.length; at++) {
            byte[] changed = entry.clone();
            changed[at] ^= 0x10;
            assertThat(EntryFormat.read(changed, query)).as("byte %d", at).isInstanceOf(Reading.Damaged.class);
        }
    }

    @Test
    void read_anyLengthCutOff_isDamaged() {
        for (int length = 0; length < entry.length; length += 7) {
            assertDamaged(Arrays.copyOf(entry, length));
        }
        assertDamaged(Arrays.copyOf(entry, entry.length + 1));
    }

    /** Only the blocks' own rows may differ, and not even they: each block has a checksum of its own. */
    @Test
    void read_hostileBytesWithAGoodChecksum_isDamagedAndNeverThrows() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int round = 0; round < 3_000; round++) {
            byte[] hostile = round % 2 == 0 ? entry.clone() : Arrays.copyOf(entry, random.nextInt(4, entry.length));
            for (int i = random.nextInt(1, 4); i > 0; i--) {
                int at = random.nextInt(Math.min(hostile.length, random.nextBoolean() ? 64 : hostile.length));
                hostile[at] ^= (byte) random.nextInt(1, 256);
            }
            if (Arrays.equals(Arrays.copyOf(hostile, hostile.length - 4), Arrays.copyOf(entry, entry.length - 4))) {
                continue; // only the checksum was hit, or two changes undid each other
            }
            assertThat(EntryFormat.read(resealed(hostile), query))
                    .as("round %d of seed %d", round, SEED)
                    .isInstanceOf(Reading.Damaged.class);
        }
    }

    @Test
    void read_entryOfAnotherSequence_isDamaged() {
        ScoreTask other = TestRows.task(2, 4, 600, Deadline.NONE);

        assertDamaged(EntryFormat.write(rows.query(other).key(), rows.rows(other)));
        assertDamaged(EntryFormat.write(query.key(), rows.rows(other))); // under this one's key, too
    }

    @Test
    void read_rowsOfAnotherTeacher_isDamaged() {
        StoredRows foreign = new TestRows(new FakeTeacher("else", 1_000, 2_048)).rows(task);

        assertDamaged(EntryFormat.write(query.key(), foreign));
    }

    @Test
    void read_blocksOutOfOrderOrOfSeveralSelections_isDamaged() {
        List<EncodedBlock> swapped = new ArrayList<>(stored.rows().blocks());
        Collections.swap(swapped, 0, 1);
        List<EncodedBlock> mixed = new ArrayList<>(stored.rows().blocks());
        mixed.set(
                2,
                rows.rows(TestRows.task(1, 8, 600, Deadline.NONE))
                        .rows()
                        .blocks()
                        .get(2));

        assertDamaged(EntryFormat.write(query.key(), new StoredRows(stored.holds(), new EncodedSequence(swapped))));
        assertDamaged(EntryFormat.write(query.key(), new StoredRows(stored.holds(), new EncodedSequence(mixed))));
        assertDamaged(EntryFormat.write(query.key(), new StoredRows(stored.holds(), new EncodedSequence(List.of()))));
    }
}
