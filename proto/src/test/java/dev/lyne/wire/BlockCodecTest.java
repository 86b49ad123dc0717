package dev.lyne.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

final class BlockCodecTest {
    private static final long SEED = 20_260_101;

    @Test
    void decode_encodedRows_givesThemBackBitForBit() {
        var random = new SplittableRandom(SEED);
        for (int round = 0; round < 500; round++) {
            Blocks.Sample sample = Blocks.random(random);
            TargetBlock block = BlockDecoder.decode(ByteBuffer.wrap(sample.encode()));
            RowColumns columns = sample.columns();
            assertThat(block.header()).as("round %d of seed %d", round, SEED).isEqualTo(sample.header());
            assertThat(block.logTailMass()).isEqualTo(columns.logTailMass());
            assertThat(block.labelLogProbability()).isEqualTo(columns.labelLogProbability());
            assertThat(block.temperatureOffsets()).isEqualTo(columns.temperatureOffsets());
            assertThat(block.temperedLogTails()).isEqualTo(columns.temperedLogTails());
            for (int row = 0; row < block.rows(); row++) {
                int start = row * columns.stride();
                int end = start + columns.counts()[row];
                int from = block.offsets()[row];
                int to = block.offsets()[row + 1];
                assertThat(Arrays.copyOfRange(block.ids(), from, to))
                        .isEqualTo(Arrays.copyOfRange(columns.ids(), start, end));
                assertThat(Arrays.copyOfRange(block.logProbabilities(), from, to))
                        .isEqualTo(Arrays.copyOfRange(columns.logProbabilities(), start, end));
            }
        }
    }

    @Test
    void encode_stretchOfRows_carriesThatStretch() {
        var columns = new RowColumns(
                2,
                new int[] {2, 1, 2},
                new int[] {1, 2, 3, 0, 5, 6},
                new float[] {-1, -2, -3, 0, -5, -6},
                new float[] {-.1f, -.2f, -.3f},
                new float[] {-1, -2, -3});
        var header = new BlockHeader(
                8, new Selection.TopPK(.9, 2, 1f, List.of()), new byte[32], new byte[16], new byte[16], new int[] {7, 9
                });
        TargetBlock block = BlockDecoder.decode(ByteBuffer.wrap(BlockEncoder.encode(header, columns, 1)));
        assertThat(block.ids()).containsExactly(3, 5, 6);
        assertThat(block.offsets()).containsExactly(0, 1, 3);
        assertThat(block.labelLogProbability()).containsExactly(-2, -3);
    }

    /** The bytes of docs/wire-format.md's example: a decoder in any language can start from them. */
    @Test
    void encode_goldenRow_givesTheDocumentedBytes() {
        byte[] teacher = new byte[32];
        Arrays.fill(teacher, (byte) 0xaa);
        var header = new BlockHeader(
                16,
                new Selection.TopK(2, List.of(2f)),
                teacher,
                new byte[16],
                Digests.rows(new int[] {3, 1, 4}, new int[] {0, 1, 2}, 1, 3),
                new int[] {1, 2});
        var columns = new RowColumns(
                2,
                new int[] {2, 2},
                new int[] {4, 7, 9, 15},
                new float[] {-0.5f, -1.5f, -0.25f, -2.5f},
                new float[] {-1.75f, -2f},
                new float[] {-0.5f, Float.NaN},
                new float[] {-0.75f, -0.875f},
                new float[] {-1.25f, -1.5f},
                new int[0],
                new float[0],
                new float[0]);
        assertThat(HexFormat.of().formatHex(BlockEncoder.encode(header, columns, 0)))
                .isEqualTo("4c594e42" + "02010101" + "10000000" + "02000000" + "000000000000f03f" + "0000803f"
                        + "aa".repeat(32) + "00".repeat(16)
                        + "a2647fc91735b3de3b39907861686e9c"
                        + "01000000" + "02000000" + "01000000" + "00000040" + "01000000" + "02000000"
                        + "02000000" + "02000000" + "04000000" + "07000000" + "09000000" + "0f000000"
                        + "000000bf" + "0000c0bf" + "000080be" + "000020c0" + "0000e0bf" + "000000c0" + "000000bf"
                        + "000040bf" + "000060bf" + "0000a0bf" + "0000c0bf" + GOLDEN_CRC);
    }

    private static final String GOLDEN_CRC = "ab521a92";

    @Test
    void decode_anyFlippedBit_isRefused() {
        byte[] block = Blocks.random(new SplittableRandom(SEED)).encode();
        for (int bit = 0; bit < 8 * block.length; bit += 7) {
            byte[] damaged = block.clone();
            damaged[bit / 8] ^= (byte) (1 << (bit % 8));
            assertThatThrownBy(() -> BlockDecoder.decode(ByteBuffer.wrap(damaged)))
                    .isInstanceOf(MalformedBlockException.class);
        }
    }

    @Test
    void decode_anyTruncation_isRefused() {
        byte[] block = Blocks.random(new SplittableRandom(SEED + 1)).encode();
        for (int length = 0; length < block.length; length++) {
            ByteBuffer truncated = ByteBuffer.wrap(block, 0, length);
            assertThatThrownBy(() -> BlockDecoder.decode(truncated)).isInstanceOf(MalformedBlockException.class);
        }
    }

    /** Whatever passes the checksum is either refused by name or decodes into rows that keep the header's promises. */
    @Test
    void decode_hostileBytesWithRightChecksum_neverEscapesItsBounds() {
        var random = new SplittableRandom(SEED + 2);
        int accepted = 0;
        for (int round = 0; round < 50_000; round++) {
            byte[] block = Blocks.random(random).encode();
            for (int i = random.nextInt(1, 4); i > 0; i--) {
                block[random.nextInt(block.length - 4)] = (byte) random.nextInt();
            }
            CRC32C crc = new CRC32C();
            crc.update(block, 0, block.length - 4);
            ByteBuffer bytes = ByteBuffer.wrap(block).order(java.nio.ByteOrder.LITTLE_ENDIAN);
            bytes.putInt(block.length - 4, (int) crc.getValue());
            try {
                TargetBlock decoded = BlockDecoder.decode(bytes);
                assertThat(Arrays.stream(decoded.ids())
                                .allMatch(id -> id >= 0 && id < decoded.header().vocabularySize()))
                        .isTrue();
                assertThat(8L * decoded.ids().length).isLessThan(block.length);
                accepted++;
            } catch (MalformedBlockException refused) {
                assertThat(refused).hasMessageStartingWith("target block: ");
            }
        }
        assertThat(accepted).as("mutations of payload bytes alone decode").isPositive();
    }
}
