package dev.lyne.wire;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * Compact blocks, byte for byte: hybrid draws, resource {@code compact-draws.hex}, and top-k rows with ties, {@code compact-top-k.hex};
 * explained in docs/wire-format.md.
 */
final class CompactGoldenTest {
    private static final int ROWS = 6;
    private static final Selection SELECTION = new Selection.Draws(10, 2, 7, List.of(2f));

    private static final int TIED_K = 40;
    private static final Selection TIED = new Selection.TopK(TIED_K, List.of(0.5f, 2f));

    @Test
    void encode_goldenRows_givesTheStoredBytes() throws IOException {
        assertThat(HexFormat.of().formatHex(encoded())).isEqualTo(golden("compact-draws.hex"));
        assertThat(HexFormat.of().formatHex(tied())).isEqualTo(golden("compact-top-k.hex"));
    }

    @Test
    void narrow_storedBytes_keepsTheMostProbable() throws IOException {
        byte[] block = HexFormat.of().parseHex(golden("compact-top-k.hex"));
        for (int k : Cuts.below(TIED_K)) {
            TargetBlock cut = BlockDecoder.decode(ByteBuffer.wrap(BlockNarrowing.narrow(
                    ByteBuffer.wrap(block), new Selection.TopK(k, List.of()), new int[] {0, 1, 2, 3}, new byte[16])));
            for (int row = 0; row < 4; row++) {
                int[] ids = Arrays.copyOfRange(cut.ids(), row * k, (row + 1) * k);
                int[] expected = Arrays.copyOfRange(tiedColumns().ids(), row * TIED_K, row * TIED_K + k);
                Arrays.sort(ids);
                Arrays.sort(expected);
                assertThat(ids).as("k = %s, row %s", k, row).isEqualTo(expected);
            }
        }
    }

    private static byte[] tied() {
        var header = new BlockHeader(
                600, TIED, Precision.COMPACT, false, new byte[32], new byte[16], new byte[16], new int[] {0, 1, 2, 3});
        return BlockEncoder.encode(header, tiedColumns(), 0);
    }

    /** Rows of many entries that lie so close that their levels are equal. */
    private static RowColumns tiedColumns() {
        return new TeacherLikeRows(600, 0.3, new SplittableRandom(4)).columns(4, TIED);
    }

    @Test
    void decode_storedBytes_givesTheGoldenRows() throws IOException {
        TargetBlock block = BlockDecoder.decode(ByteBuffer.wrap(HexFormat.of().parseHex(golden("compact-draws.hex"))));
        assertThat(block.header().selection()).isEqualTo(SELECTION);
        RowErrors errors = RowErrors.between(columns(), 0, block);
        assertThat(errors.largestEntryError()).isLessThanOrEqualTo(0.1);
        assertThat(errors.largestTailError()).isLessThanOrEqualTo(0.05);
        assertThat(block.labelLogProbability()[ROWS - 1]).isNaN();
    }

    static byte[] encoded() {
        byte[] teacher = new byte[32];
        Arrays.fill(teacher, (byte) 0xaa);
        int[] positions = {0, 1, 2, 5, 6, 7};
        var header = new BlockHeader(
                4_096, SELECTION, Precision.COMPACT, false, teacher, new byte[16], new byte[16], positions);
        return BlockEncoder.encode(header, columns(), 0);
    }

    /** Rows of 5 to 10 entries, of which later rows share some with earlier ones. */
    private static RowColumns columns() {
        int stride = 12;
        RowColumns columns = new RowColumns(
                stride,
                new int[ROWS],
                new int[ROWS * stride],
                new float[ROWS * stride],
                new float[ROWS],
                new float[ROWS],
                new float[ROWS],
                new float[ROWS],
                new int[ROWS * stride],
                new float[0],
                new float[0]);
        for (int row = 0; row < ROWS; row++) {
            int count = 5 + row;
            double kept = 0;
            for (int i = 0; i < count; i++) {
                float value = -1.25f - 0.5f * i - 0.03125f * row;
                columns.ids()[row * stride + i] = (i * 613 + (i % 3) * row * 97) % 4_096;
                columns.logProbabilities()[row * stride + i] = value;
                columns.drawCounts()[row * stride + i] = i < 2 ? 0 : 1 + (i + row) % 3;
                kept += Math.exp(value);
            }
            columns.counts()[row] = count;
            columns.logTailMass()[row] = (float) Math.log(Math.max(1e-9, 1 - kept));
            columns.labelLogProbability()[row] = row == ROWS - 1 ? Float.NaN : -1.25f - 0.03125f * row;
            columns.temperatureOffsets()[row] = -1f - 0.125f * row;
            columns.temperedLogTails()[row] = -0.75f - 0.25f * row;
        }
        return columns;
    }

    private static String golden(String name) throws IOException {
        try (InputStream in = CompactGoldenTest.class.getResourceAsStream(name)) {
            return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.US_ASCII).strip();
        }
    }
}
