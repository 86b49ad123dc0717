package dev.lyne.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class CompactPrecisionTest {
    private static final long SEED = 20_261_122;

    @Test
    void decode_everySelection_keepsIdsAndDrawsAndTheBounds() {
        List<Selection> selections = List.of(
                new Selection.TopK(1, List.of()),
                new Selection.TopK(64, List.of()),
                new Selection.TopK(600, List.of(2f)),
                new Selection.TopPK(0.9, 50, 1f, List.of(2f, 4f)),
                new Selection.TopFraction(0.05, List.of()),
                new Selection.Draws(50, 0, 7, List.of()),
                new Selection.Draws(20, 8, -3, List.of()),
                new Selection.Chosen(16, List.of()),
                new Selection.LabelOnly(List.of()));
        for (Selection selection : selections) {
            for (double spread : new double[] {0.2, 2, 4}) {
                for (int rows : new int[] {1, 7, 300}) {
                    assertBounds(selection, spread, rows);
                }
            }
        }
    }

    private static void assertBounds(Selection selection, double spread, int rows) {
        String what = selection + ", spread " + spread + ", " + rows + " rows, seed " + SEED;
        int vocabularySize = 600;
        RowColumns columns =
                new TeacherLikeRows(vocabularySize, spread, new SplittableRandom(SEED)).columns(rows, selection);
        TargetBlock block = decode(header(selection, vocabularySize, rows), columns);
        RowErrors errors = RowErrors.between(columns, 0, block);
        assertThat(errors.meanDivergence()).as(what).isLessThanOrEqualTo(1e-4);
        assertThat(errors.largestEntryError()).as(what).isLessThanOrEqualTo(0.1);
        assertThat(errors.largestTailError()).as(what).isLessThanOrEqualTo(0.05);
        assertThat(errors.largestMassError()).as(what).isLessThanOrEqualTo(1e-5);
        assertThat(block.temperatureOffsets()).as(what).isEqualTo(columns.temperatureOffsets());
        for (int row = 0; row < rows; row++) {
            for (int i = block.offsets()[row] + 1; i < block.offsets()[row + 1]; i++) {
                assertThat(block.logProbabilities()[i]).as(what).isLessThanOrEqualTo(block.logProbabilities()[i - 1]);
            }
        }
    }

    @Test
    void decode_dataTokenKept_equalsItsEntryBitForBit() {
        Selection selection = new Selection.TopK(64, List.of());
        RowColumns columns = new TeacherLikeRows(600, 2, new SplittableRandom(SEED)).columns(40, selection);
        for (int shift = 0; shift < 64; shift++) {
            int[] entries = new int[40];
            for (int row = 0; row < 40; row++) {
                entries[row] = row * 64 + (row + shift) % 64;
                columns.labelLogProbability()[row] = columns.logProbabilities()[entries[row]];
            }
            TargetBlock block = decode(header(selection, 600, 40), columns);
            for (int row = 0; row < 40; row++) {
                int id = columns.ids()[entries[row]];
                int place = IntStream.range(block.offsets()[row], block.offsets()[row + 1])
                        .filter(i -> block.ids()[i] == id)
                        .findFirst()
                        .orElseThrow();
                assertThat(block.labelLogProbability()[row])
                        .as("row %s, shift %s, seed %s", row, shift, SEED)
                        .isEqualTo(block.logProbabilities()[place]);
            }
        }
    }

    @Test
    void encode_temperatureBelowOne_shrinksTheErrorWithIt() {
        Selection selection = new Selection.TopK(64, List.of(0.25f));
        RowColumns columns = new TeacherLikeRows(600, 3, new SplittableRandom(SEED)).columns(50, selection);
        RowErrors errors = RowErrors.between(columns, 0, decode(header(selection, 600, 50), columns));
        assertThat(errors.largestEntryError()).isLessThanOrEqualTo(0.025);
    }

    @Test
    void encode_rowsOfOneSelection_giveTheSameBytesWhateverWasEncodedBefore() {
        Selection selection = new Selection.TopK(64, List.of());
        RowColumns columns = new TeacherLikeRows(600, 2, new SplittableRandom(SEED)).columns(30, selection);
        RowColumns others = new TeacherLikeRows(600, 3, new SplittableRandom(SEED + 1)).columns(30, selection);
        byte[] first = BlockEncoder.encode(header(selection, 600, 30), columns, 0);
        BlockEncoder.encode(header(selection, 600, 30), others, 0);
        assertThat(BlockEncoder.encode(header(selection, 600, 30), columns, 0)).isEqualTo(first);
    }

    @Test
    void encode_idTwiceInARow_isRefusedAndTheNextBlockIsFine() {
        Selection selection = new Selection.TopK(2, List.of());
        var twice = new RowColumns(
                2, new int[] {2}, new int[] {5, 5}, new float[] {-1, -2}, new float[] {-1}, new float[] {-1});
        assertThatThrownBy(() -> BlockEncoder.encode(header(selection, 8, 1), twice, 0))
                .hasMessageContaining("token id 5 twice");
        RowColumns fine = new TeacherLikeRows(8, 2, new SplittableRandom(SEED)).columns(3, selection);
        RowErrors.between(fine, 0, decode(header(selection, 8, 3), fine));
    }

    @Test
    void encode_valueThatIsNotFinite_isRefused() {
        for (float value : new float[] {Float.NaN, Float.NEGATIVE_INFINITY, 1f}) {
            var columns = new RowColumns(
                    1, new int[] {1}, new int[] {5}, new float[] {value}, new float[] {-1}, new float[] {-1});
            assertThatThrownBy(() -> BlockEncoder.encode(header(new Selection.TopK(1, List.of()), 8, 1), columns, 0))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("log-probability " + value);
        }
    }

    /** A vocabulary of 2^20 and an id at its very end. */
    @Test
    void decode_largestVocabulary_givesTheLastId() {
        int last = Selection.MAX_VOCABULARY_SIZE - 1;
        var columns = new RowColumns(
                2,
                new int[] {2, 2},
                new int[] {last, 0, 17, last},
                new float[] {-1, -2, -1, -30},
                new float[] {(float) Math.log(1 - Math.exp(-1) - Math.exp(-2)), (float) Math.log(1 - Math.exp(-1))},
                new float[] {-1, -1});
        TargetBlock block = decode(header(new Selection.TopK(2, List.of()), Selection.MAX_VOCABULARY_SIZE, 2), columns);
        assertThat(block.ids()).containsExactly(last, 0, 17, last);
        RowErrors.between(columns, 0, block);
    }

    /** An id in the first half of the rows and the last one: a gap that its Rice code has no room for. */
    @Test
    void decode_idThatStaysAwayForLong_isInItsRowsAgain() {
        int rows = 2_000;
        var columns =
                new RowColumns(1, new int[rows], new int[rows], new float[rows], new float[rows], new float[rows]);
        Arrays.fill(columns.counts(), 1);
        Arrays.fill(columns.logProbabilities(), -0.5f);
        Arrays.fill(columns.labelLogProbability(), -2);
        Arrays.fill(columns.logTailMass(), (float) Math.log1p(-Math.exp(-0.5)));
        Arrays.setAll(columns.ids(), row -> row < rows / 2 || row == rows - 1 ? 5 : 6 + row % 50);
        TargetBlock block = decode(header(new Selection.TopK(1, List.of()), 600, rows), columns);
        assertThat(block.ids()).isEqualTo(columns.ids());
    }

    private static TargetBlock decode(BlockHeader header, RowColumns columns) {
        TargetBlock block = BlockDecoder.decode(ByteBuffer.wrap(BlockEncoder.encode(header, columns, 0)));
        assertThat(block.header()).isEqualTo(header);
        return block;
    }

    static BlockHeader header(Selection selection, int vocabularySize, int rows) {
        return new BlockHeader(
                vocabularySize,
                selection,
                Precision.COMPACT,
                false,
                new byte[32],
                new byte[16],
                new byte[16],
                IntStream.range(0, rows).toArray());
    }
}
