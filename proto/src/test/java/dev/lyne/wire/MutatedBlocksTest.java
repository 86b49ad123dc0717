package dev.lyne.wire;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

/**
 * Mutated blocks of every selection and precision either decode into rows that keep the header's promises or are refused by name.
 * The whole run, ten million inputs with the checksum recomputed and as many without:
 * {@code mvn -pl proto test -Dtest=MutatedBlocksTest -Dlyne.mutations=10000000}.
 */
final class MutatedBlocksTest {
    private static final int MUTATIONS = Integer.getInteger("lyne.mutations", 40_000);
    private static final long SEED = Long.getLong("lyne.seed", 20_261_122L);
    private static final int VOCABULARY = 300;

    @Test
    void decode_mutatedBytesWithRightChecksum_isRefusedOrWithinItsBounds() {
        int accepted = run(true);
        assertThat(accepted)
                .as("some mutations are of values alone; seed %d", SEED)
                .isBetween(1, MUTATIONS - 1);
    }

    @Test
    void decode_mutatedBytesWithStaleChecksum_isRefused() {
        assertThat(run(false)).as("seed %d", SEED).isZero();
    }

    private static int run(boolean checksummed) {
        var random = new SplittableRandom(SEED);
        List<byte[]> blocks = blocks(random);
        int accepted = 0;
        for (int i = 0; i < MUTATIONS; i++) {
            byte[] original = blocks.get(random.nextInt(blocks.size()));
            byte[] mutated = mutate(original, random);
            if (Arrays.equals(mutated, original)) {
                continue;
            }
            if (checksummed) {
                seal(mutated);
            }
            try {
                requireBounds(BlockDecoder.decode(ByteBuffer.wrap(mutated)), mutated.length);
                accepted++;
            } catch (MalformedBlockException refused) {
                assertThat(refused.getMessage()).startsWith("target block: ");
            } catch (RuntimeException | Error e) {
                throw new AssertionError("mutation " + i + " of seed " + SEED, e);
            }
        }
        return accepted;
    }

    private static List<byte[]> blocks(SplittableRandom random) {
        List<Selection> selections = List.of(
                new Selection.TopK(6, List.of()),
                new Selection.TopK(20, List.of(2f)),
                new Selection.TopPK(0.8, 12, 1f, List.of()),
                new Selection.TopFraction(0.03, List.of(0.5f)),
                new Selection.Draws(12, 0, 1, List.of()),
                new Selection.Draws(9, 3, 2, List.of()),
                new Selection.Chosen(5, List.of()),
                new Selection.LabelOnly(List.of()));
        List<byte[]> blocks = new ArrayList<>();
        for (Selection selection : selections) {
            for (Precision precision : Precision.values()) {
                for (int rows : new int[] {1, 3, 12}) {
                    RowColumns columns = new TeacherLikeRows(VOCABULARY, 2, random.split()).columns(rows, selection);
                    blocks.add(BlockEncoder.encode(
                            new BlockHeader(
                                    VOCABULARY,
                                    selection,
                                    precision,
                                    precision != Precision.COMPACT && rows == 3,
                                    new byte[32],
                                    new byte[16],
                                    new byte[16],
                                    IntStream.range(0, rows).map(row -> 2 * row).toArray()),
                            columns,
                            0));
                }
            }
        }
        return blocks;
    }

    /** Some bytes or bits changed, mostly behind the digests; sometimes cut, prolonged, or a stretch repeated. */
    private static byte[] mutate(byte[] original, RandomGenerator random) {
        byte[] bytes = original.clone();
        int payload = BlockLayout.FIXED_HEADER_BYTES;
        for (int changes = 1 + random.nextInt(4); changes > 0; changes--) {
            int from = random.nextInt(4) == 0 ? 5 : payload;
            int at = from + random.nextInt(bytes.length - 4 - from);
            switch (random.nextInt(4)) {
                case 0 -> bytes[at] = (byte) random.nextInt();
                case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 2 -> bytes[at] = (byte) (random.nextBoolean() ? 0xff : 0);
                default -> {
                    int length = Math.min(1 + random.nextInt(8), bytes.length - 4 - at);
                    int source = payload + random.nextInt(bytes.length - payload - length);
                    System.arraycopy(bytes, source, bytes, at, length);
                }
            }
        }
        return switch (random.nextInt(12)) {
            case 0 -> Arrays.copyOf(bytes, payload + 4 + random.nextInt(bytes.length - payload - 4));
            case 1 -> Arrays.copyOf(bytes, bytes.length + 1 + random.nextInt(40));
            default -> bytes;
        };
    }

    private static void seal(byte[] block) {
        CRC32C crc = new CRC32C();
        crc.update(block, 0, block.length - 4);
        ByteBuffer.wrap(block).order(ByteOrder.LITTLE_ENDIAN).putInt(block.length - 4, (int) crc.getValue());
    }

    private static void requireBounds(TargetBlock block, int bytes) {
        BlockHeader header = block.header();
        int most = header.selection().mostEntries(header.vocabularySize());
        if (block.ids().length > 8L * bytes || block.offsets()[block.rows()] != block.ids().length) {
            throw new AssertionError(block.ids().length + " entries from " + bytes + " bytes");
        }
        for (int row = 0; row < block.rows(); row++) {
            if (block.count(row) < 0 || block.count(row) > most) {
                throw new AssertionError(block.count(row) + " entries in row " + row);
            }
        }
        for (int id : block.ids()) {
            if (id < 0 || id >= header.vocabularySize()) {
                throw new AssertionError("id " + id);
            }
        }
        for (float value : block.logProbabilities()) {
            if (Float.isNaN(value) || value == Float.POSITIVE_INFINITY) {
                throw new AssertionError("log-probability " + value);
            }
        }
    }
}
