package dev.lyne.wire;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** A compact block of hybrid draws, byte for byte: resource {@code compact-draws.hex}, explained in docs/wire-format.md. */
final class CompactGoldenTest {
    private static final int ROWS = 6;
    private static final Selection SELECTION = new Selection.Draws(10, 2, 7, List.of(2f));

    @Test
    void encode_goldenRows_givesTheStoredBytes() throws IOException {
        assertThat(HexFormat.of().formatHex(encoded())).isEqualTo(golden());
    }

    @Test
    void decode_storedBytes_givesTheGoldenRows() throws IOException {
        TargetBlock block = BlockDecoder.decode(ByteBuffer.wrap(HexFormat.of().parseHex(golden())));
        assertThat(block.header().selection()).isEqualTo(SELECTION);
        RowErrors errors = RowErrors.between(columns(), 0, block);
        assertThat(errors.largestEntryError()).isLessThanOrEqualTo(0.1);
        assertThat(errors.largestTailError()).isLessThanOrEqualTo(0.05);
        assertThat(block.dataLogProbability()[ROWS - 1]).isNaN();
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
            columns.dataLogProbability()[row] = row == ROWS - 1 ? Float.NaN : -1.25f - 0.03125f * row;
            columns.temperatureOffsets()[row] = -1f - 0.125f * row;
        }
        return columns;
    }

    private static String golden() throws IOException {
        try (InputStream in = CompactGoldenTest.class.getResourceAsStream("compact-draws.hex")) {
            return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.US_ASCII).strip();
        }
    }
}
