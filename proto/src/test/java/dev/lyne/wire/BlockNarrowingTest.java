package dev.lyne.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class BlockNarrowingTest {
    private static final long SEED = 5;
    private static final int VOCABULARY = 800;
    private static final int ROWS = 120;
    private static final int[] SOME =
            IntStream.range(0, ROWS).filter(i -> i % 3 != 1).toArray();

    private static final List<Selection> NARROWER = List.of(
            new Selection.TopK(64, List.of()),
            new Selection.TopK(63, List.of(2f)),
            new Selection.TopK(8, List.of()),
            new Selection.TopK(1, List.of()),
            new Selection.TopPK(0.9, 64, 1f, List.of(2f)),
            new Selection.TopPK(0.3, 20, 1f, List.of()),
            new Selection.TopFraction(0.05, List.of()),
            new Selection.LabelOnly(List.of()));

    private static final Selection HELD = new Selection.TopK(64, List.of(4f, 2f));

    @Test
    void narrow_exactRows_equalFreshOnes() {
        for (Selection wanted : NARROWER) {
            TargetBlock narrowed = narrowed(Precision.EXACT, wanted);
            RowColumns fresh = columns(wanted);
            assertThat(narrowed.header()).isEqualTo(header(Precision.EXACT, wanted, SOME));
            for (int row = 0; row < SOME.length; row++) {
                int start = SOME[row] * fresh.stride();
                int end = start + fresh.counts()[SOME[row]];
                int from = narrowed.offsets()[row];
                int to = narrowed.offsets()[row + 1];
                assertThat(Arrays.copyOfRange(narrowed.ids(), from, to))
                        .as("%s row %d", wanted, row)
                        .isEqualTo(Arrays.copyOfRange(fresh.ids(), start, end));
                assertThat(Arrays.copyOfRange(narrowed.logProbabilities(), from, to))
                        .isEqualTo(Arrays.copyOfRange(fresh.logProbabilities(), start, end));
                assertThat(Math.exp(narrowed.logTailMass()[row]))
                        .isCloseTo(Math.exp(fresh.logTailMass()[SOME[row]]), within(1e-6));
                assertThat(narrowed.labelLogProbability()[row]).isEqualTo(fresh.labelLogProbability()[SOME[row]]);
                for (int i = 0; i < wanted.temperatures().size(); i++) {
                    assertThat(narrowed.temperatureOffsets()[
                                    row * wanted.temperatures().size() + i])
                            .isEqualTo(fresh.temperatureOffsets()[
                                    SOME[row] * wanted.temperatures().size() + i]);
                }
            }
        }
    }

    @Test
    void narrow_compactRows_meetTheBoundsAtTheNarrowedK() {
        for (Selection wanted : NARROWER) {
            if (!Containment.answers(HELD, wanted, Precision.COMPACT, VOCABULARY, 0)) {
                continue;
            }
            TargetBlock narrowed = narrowed(Precision.COMPACT, wanted);
            RowColumns exact = asNarrowed(columns(HELD), narrowed);
            RowErrors errors = RowErrors.between(exact, 0, narrowed);
            assertThat(errors.meanDivergence()).as("%s", wanted).isLessThanOrEqualTo(1e-4);
            assertThat(errors.largestEntryError()).as("%s", wanted).isLessThanOrEqualTo(0.1);
            assertThat(errors.largestTailError()).as("%s", wanted).isLessThanOrEqualTo(0.05);
            assertThat(errors.largestMassError()).as("%s", wanted).isLessThanOrEqualTo(1e-5);
        }
    }

    @Test
    void narrow_drawsToSomePositions_keepsCounts() {
        for (Precision precision : Precision.values()) {
            Selection selection = new Selection.Draws(30, 4, 9, List.of());
            RowColumns columns = columns(selection);
            byte[] block = BlockEncoder.encode(header(precision, selection, all()), columns, 0);
            TargetBlock whole = BlockDecoder.decode(ByteBuffer.wrap(block));
            TargetBlock some = BlockDecoder.decode(
                    ByteBuffer.wrap(BlockNarrowing.narrow(ByteBuffer.wrap(block), selection, SOME, new byte[16])));
            for (int row = 0; row < SOME.length; row++) {
                int from = whole.offsets()[SOME[row]];
                int to = whole.offsets()[SOME[row] + 1];
                int at = some.offsets()[row];
                int draws = 0;
                for (int i = at; i < some.offsets()[row + 1]; i++) {
                    int id = some.ids()[i];
                    int place = IntStream.range(from, to)
                            .filter(j -> whole.ids()[j] == id)
                            .findFirst()
                            .orElseThrow();
                    assertThat(some.drawCounts()[i]).isEqualTo(whole.drawCounts()[place]);
                    draws += some.drawCounts()[i];
                }
                assertThat(draws).isEqualTo(30);
            }
        }
    }

    @Test
    void narrow_twice_givesTheSameRowsAsOnce() {
        byte[] block = BlockEncoder.encode(header(Precision.EXACT, HELD, all()), columns(HELD), 0);
        Selection sixteen = new Selection.TopK(16, List.of());
        Selection eight = new Selection.TopK(8, List.of());
        byte[] once = BlockNarrowing.narrow(ByteBuffer.wrap(block), eight, SOME, new byte[16]);
        byte[] first = BlockNarrowing.narrow(ByteBuffer.wrap(block), sixteen, all(), new byte[16]);
        TargetBlock twice = BlockDecoder.decode(
                ByteBuffer.wrap(BlockNarrowing.narrow(ByteBuffer.wrap(first), eight, SOME, new byte[16])));
        assertThat(twice.ids())
                .isEqualTo(BlockDecoder.decode(ByteBuffer.wrap(once)).ids());
    }

    @Test
    void narrow_whatIsNotHeld_isRefused() {
        byte[] block = BlockEncoder.encode(header(Precision.EXACT, HELD, SOME), columns(HELD), 0);
        assertThatThrownBy(() -> BlockNarrowing.narrow(
                        ByteBuffer.wrap(block), new Selection.TopK(65, List.of()), SOME, new byte[16]))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> BlockNarrowing.narrow(ByteBuffer.wrap(block), HELD, new int[] {1}, new byte[16]))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private static TargetBlock narrowed(Precision precision, Selection wanted) {
        byte[] block = BlockEncoder.encode(header(precision, HELD, all()), columns(HELD), 0);
        return BlockDecoder.decode(
                ByteBuffer.wrap(BlockNarrowing.narrow(ByteBuffer.wrap(block), wanted, SOME, new byte[16])));
    }

    /** The exact rows with exactly the entries that a block keeps: which of equal levels stay is the precision's to say. */
    private static RowColumns asNarrowed(RowColumns exact, TargetBlock block) {
        int stride = exact.stride();
        int rows = block.rows();
        RowColumns columns = new RowColumns(
                stride,
                new int[rows],
                new int[rows * stride],
                new float[rows * stride],
                new float[rows],
                new float[rows]);
        for (int row = 0; row < rows; row++) {
            int exactRow = block.header().positions()[row];
            double kept = 0;
            double all = Math.exp(exact.logTailMass()[exactRow]);
            int from = block.offsets()[row];
            columns.counts()[row] = block.count(row);
            for (int i = 0; i < stride; i++) {
                int id = exact.ids()[exactRow * stride + i];
                float value = exact.logProbabilities()[exactRow * stride + i];
                all += Math.exp(value);
                for (int j = from; j < block.offsets()[row + 1]; j++) {
                    if (block.ids()[j] == id) {
                        columns.ids()[row * stride + j - from] = id;
                        columns.logProbabilities()[row * stride + j - from] = value;
                        kept += Math.exp(value);
                    }
                }
            }
            columns.logTailMass()[row] = (float) Math.log(all - kept);
        }
        return columns;
    }

    private static RowColumns columns(Selection selection) {
        return new TeacherLikeRows(VOCABULARY, 2, new SplittableRandom(SEED)).columns(ROWS, selection);
    }

    private static int[] all() {
        return IntStream.range(0, ROWS).toArray();
    }

    private static BlockHeader header(Precision precision, Selection selection, int[] positions) {
        return new BlockHeader(
                VOCABULARY, selection, precision, false, new byte[32], new byte[16], new byte[16], positions);
    }
}
