package dev.lyne.wire;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * A narrowed row has exactly the ids of a fresh one, ties included, in every precision and at every number of entries that it is
 * answered at; and keeps the bounds of its precision.
 */
final class NarrowedIdsTest {
    private static final long SEED = 20_261_129;
    private static final int VOCABULARY = 700;
    private static final int ROWS = 60;
    private static final int K = 64;
    private static final List<Float> TEMPERATURES = List.of(0.5f, 4f);

    /** Rows of ordinary, flat, peaked and tied distributions. */
    private static List<RowColumns> samples(Selection selection) {
        List<RowColumns> samples = new ArrayList<>();
        for (double spread : new double[] {0, 0.05, 1, 3, 8}) {
            samples.add(new TeacherLikeRows(VOCABULARY, spread, new SplittableRandom(SEED)).columns(ROWS, selection));
        }
        return samples;
    }

    @Test
    void narrow_everyK_keepsTheIdsOfFreshRows() {
        Selection held = new Selection.TopK(K, TEMPERATURES);
        for (Precision precision : Precision.values()) {
            for (RowColumns columns : samples(held)) {
                byte[] block = BlockEncoder.encode(header(precision, held), columns, 0);
                int answered = 0;
                for (int k = 1; k <= K; k++) {
                    Selection wanted = new Selection.TopK(k, TEMPERATURES);
                    if (Containment.answers(held, wanted, precision, VOCABULARY, 0)) {
                        assertIds(fresh(columns, wanted, precision), narrowed(block, wanted), columns, precision, k);
                        answered++;
                    }
                }
                assertThat(answered)
                        .as("%s", precision)
                        .isEqualTo(
                                switch (precision) {
                                    case EXACT -> K;
                                    case HALF -> 1;
                                    case COMPACT -> Cuts.below(K).length + 1;
                                });
            }
        }
    }

    @Test
    void narrow_theSweep_isAnsweredFromCompactRows() {
        Selection held = new Selection.TopK(K, List.of());
        for (int k : new int[] {64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1}) {
            assertThat(Containment.answers(held, new Selection.TopK(k, List.of()), Precision.COMPACT, VOCABULARY, 0))
                    .as("k = %s", k)
                    .isTrue();
        }
        assertThat(Containment.answers(held, new Selection.TopK(37, List.of()), Precision.COMPACT, VOCABULARY, 0))
                .isFalse();
    }

    @Test
    void narrow_compactRowsAtEveryCut_keepTheBounds() {
        for (List<Float> temperatures : List.of(List.<Float>of(), TEMPERATURES, List.of(0.05f, 30f))) {
            Selection held = new Selection.TopK(K, temperatures);
            for (RowColumns columns : samples(held)) {
                byte[] block = BlockEncoder.encode(header(Precision.COMPACT, held), columns, 0);
                for (int k : Cuts.below(K + 1)) {
                    Selection wanted = new Selection.TopK(k, temperatures);
                    assertBounds(cut(columns, k, temperatures), narrowed(block, wanted), wanted);
                }
            }
        }
    }

    @Test
    void narrow_compactRowsAgainAndAgain_keepsIdsAndBounds() {
        Selection held = new Selection.TopK(K, TEMPERATURES);
        for (RowColumns columns : samples(held)) {
            byte[] block = BlockEncoder.encode(header(Precision.COMPACT, held), columns, 0);
            for (int k : new int[] {48, 24, 6, 1}) {
                Selection wanted = new Selection.TopK(k, TEMPERATURES);
                block = BlockNarrowing.narrow(ByteBuffer.wrap(block), wanted, all(), new byte[16]);
                TargetBlock again = BlockDecoder.decode(ByteBuffer.wrap(block));
                assertIds(fresh(columns, wanted, Precision.COMPACT), again, columns, Precision.COMPACT, k);
                assertBounds(cut(columns, k, TEMPERATURES), again, wanted);
            }
        }
    }

    @Test
    void narrow_topPK_keepsTheIdsOfFreshRows() {
        for (double p : new double[] {0.3, 0.9, 0.99, 1}) {
            Selection held = new Selection.TopPK(p, 50, 1f, TEMPERATURES);
            for (RowColumns columns : samples(held)) {
                byte[] block = BlockEncoder.encode(header(Precision.COMPACT, held), columns, 0);
                for (int k : new int[] {32, 24, 8, 3, 1}) {
                    Selection wanted = new Selection.TopPK(p, k, 1f, TEMPERATURES);
                    assertIds(
                            fresh(columns, wanted, Precision.COMPACT),
                            narrowed(block, wanted),
                            columns,
                            Precision.COMPACT,
                            k);
                }
                assertThat(Containment.answers(
                                held, new Selection.TopPK(p / 2, 24, 1f, List.of()), Precision.COMPACT, VOCABULARY, 0))
                        .as("rounded masses do not say how many entries reach p")
                        .isFalse();
            }
        }
    }

    @Test
    void cut_topKRows_countsAsNarrowedOnesDo() {
        Selection topK = new Selection.TopK(K, TEMPERATURES);
        for (RowColumns columns : samples(topK)) {
            for (double p : new double[] {0.2, 0.5, 0.75, 0.95, 1}) {
                Selection wanted = new Selection.TopPK(p, 40, 1f, TEMPERATURES);
                byte[] block = BlockEncoder.encode(header(Precision.EXACT, topK), columns, 0);
                TargetBlock narrowed = narrowed(block, wanted);
                RowColumns fresh = BlockNarrowing.cut(copy(columns), wanted);
                TargetBlock decoded = BlockDecoder.decode(
                        ByteBuffer.wrap(BlockEncoder.encode(header(Precision.EXACT, wanted), fresh, 0)));
                assertThat(narrowed.ids()).isEqualTo(decoded.ids());
                assertThat(narrowed.logTailMass()).isEqualTo(decoded.logTailMass());
                assertThat(narrowed.temperedLogTails()).isEqualTo(decoded.temperedLogTails());
            }
        }
    }

    @Test
    void decode_compactRows_putTheMostProbableFirst() {
        Selection held = new Selection.TopK(K, List.of());
        for (RowColumns columns : samples(held)) {
            TargetBlock block = BlockDecoder.decode(
                    ByteBuffer.wrap(BlockEncoder.encode(header(Precision.COMPACT, held), columns, 0)));
            for (int row = 0; row < ROWS; row++) {
                assertThat(block.ids()[block.offsets()[row]]).as("row %s", row).isEqualTo(columns.ids()[row * K]);
            }
        }
    }

    private static void assertIds(
            TargetBlock fresh, TargetBlock narrowed, RowColumns columns, Precision precision, int k) {
        for (int row = 0; row < ROWS; row++) {
            assertThat(ids(narrowed, row))
                    .as("%s, k = %s, row %s of seed %s", precision, k, row, SEED)
                    .isEqualTo(ids(fresh, row));
            int count = narrowed.count(row);
            int[] exact = Arrays.copyOfRange(columns.ids(), row * columns.stride(), row * columns.stride() + count);
            Arrays.sort(exact);
            assertThat(ids(narrowed, row)).isEqualTo(exact);
        }
    }

    private static int[] ids(TargetBlock block, int row) {
        int[] ids = Arrays.copyOfRange(block.ids(), block.offsets()[row], block.offsets()[row + 1]);
        Arrays.sort(ids);
        return ids;
    }

    private static void assertBounds(RowColumns exact, TargetBlock narrowed, Selection wanted) {
        RowErrors errors = RowErrors.between(exact, 0, narrowed);
        double shrink = Math.min(
                1, wanted.temperatures().stream().mapToDouble(t -> t).min().orElse(1));
        assertThat(errors.meanDivergence()).as("%s", wanted).isLessThanOrEqualTo(1e-4);
        assertThat(errors.largestEntryError()).as("%s", wanted).isLessThanOrEqualTo(0.1 * shrink + 1e-6);
        assertThat(errors.largestTailError()).as("%s", wanted).isLessThanOrEqualTo(0.05 * shrink + 1e-6);
        assertThat(errors.largestMassError()).as("%s", wanted).isLessThanOrEqualTo(1e-5);
        for (int i = 0; i < narrowed.temperedLogTails().length; i++) {
            assertThat((double) narrowed.temperedLogTails()[i])
                    .as("%s, tempered tail %s", wanted, i)
                    .isCloseTo(exact.temperedLogTails()[i], org.assertj.core.api.Assertions.within(0.05));
        }
    }

    private static TargetBlock fresh(RowColumns columns, Selection wanted, Precision precision) {
        RowColumns cut = cut(columns, wanted.mostEntries(VOCABULARY), wanted.temperatures());
        return BlockDecoder.decode(ByteBuffer.wrap(BlockEncoder.encode(header(precision, wanted), cut, 0)));
    }

    /** The same rows, of at most k entries each. */
    private static RowColumns cut(RowColumns columns, int k, List<Float> temperatures) {
        RowColumns cut = copy(columns);
        for (int row = 0; row < ROWS; row++) {
            int from = row * columns.stride();
            int count = Math.min(k, columns.counts()[row]);
            int end = from + columns.counts()[row];
            cut.counts()[row] = count;
            cut.logTailMass()[row] = tail(columns.logTailMass()[row], columns, from + count, end, 1, 0);
            for (int i = 0; i < temperatures.size(); i++) {
                int at = row * temperatures.size() + i;
                cut.temperedLogTails()[at] = tail(
                        columns.temperedLogTails()[at],
                        columns,
                        from + count,
                        end,
                        temperatures.get(i),
                        columns.temperatureOffsets()[at]);
            }
        }
        return cut;
    }

    private static float tail(float tail, RowColumns columns, int from, int to, double temperature, double offset) {
        double greatest = tail;
        for (int i = from; i < to; i++) {
            greatest = Math.max(greatest, columns.logProbabilities()[i] / temperature + offset);
        }
        double mass = Math.exp(tail - greatest);
        for (int i = from; i < to; i++) {
            mass += Math.exp(columns.logProbabilities()[i] / temperature + offset - greatest);
        }
        return (float) Math.min(0, greatest + Math.log(mass));
    }

    private static RowColumns copy(RowColumns columns) {
        return new RowColumns(
                columns.stride(),
                columns.counts().clone(),
                columns.ids(),
                columns.logProbabilities(),
                columns.logTailMass().clone(),
                columns.labelLogProbability(),
                columns.temperatureOffsets(),
                columns.temperedLogTails().clone(),
                columns.drawCounts(),
                columns.logits(),
                columns.logSumExp());
    }

    private static TargetBlock narrowed(byte[] block, Selection wanted) {
        return BlockDecoder.decode(
                ByteBuffer.wrap(BlockNarrowing.narrow(ByteBuffer.wrap(block), wanted, all(), new byte[16])));
    }

    private static int[] all() {
        return IntStream.range(0, ROWS).toArray();
    }

    private static BlockHeader header(Precision precision, Selection selection) {
        return new BlockHeader(
                VOCABULARY, selection, precision, false, new byte[32], new byte[16], new byte[16], all());
    }
}
