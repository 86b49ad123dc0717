package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.Selection;
import dev.lyne.v1.Rows;
import dev.lyne.v1.Sequence;
import dev.lyne.v1.Source;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.Containment;
import dev.lyne.wire.Positions;
import dev.lyne.wire.TargetBlock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Rows that are held answer narrower requests without a forward, within their precision's bounds against exact rows. */
@SuppressWarnings("NullAway.Init") // JUnit calls start first
final class NarrowedRowsTest {
    private static final int TOKENS = 600;
    private static final Selection HELD = new Selection.TopK(64, List.of(4f, 2f));

    private static final List<Selection> NARROWER = List.of(
            new Selection.TopK(63, List.of(2f)),
            new Selection.TopK(8, List.of()),
            new Selection.TopK(1, List.of(4f)),
            new Selection.TopPK(0.9, 64, 1f, List.of(2f, 4f)),
            new Selection.TopPK(0.3, 20, 1f, List.of()),
            new Selection.TopFraction(0.05, List.of()),
            new Selection.LabelOnly(List.of(2f)));

    private final int[] tokens =
            IntStream.range(0, TOKENS).map(i -> (i * 7 + i / 3) % 1_000).toArray();

    /** Positions in all three of the stored blocks. */
    private final int[] some =
            IntStream.range(0, TOKENS - 1).filter(i -> i % 5 != 2 && i != 300).toArray();

    private ServerFixture fixture;

    /** Every entry of the rows, in order of rank, which is also that of ids from the first one on. */
    private RowColumns every;

    private double divergence;
    private int compared;

    @BeforeEach
    void start() throws Exception {
        fixture = new ServerFixture();
        every = exact(new Selection.TopK(1_000, List.of()));
    }

    @AfterEach
    void stop() throws Exception {
        fixture.close();
    }

    private List<Rows> ask(Selection selection, Precision precision, int[] positions) {
        Sequence sequence = TestStream.sequence(1, tokens).toBuilder()
                .addAllPositions(Positions.toRanges(positions))
                .build();
        return fixture.stream()
                .open(TestStream.opening(selection, precision).build())
                .score(sequence)
                .awaitDone(1)
                .rows(1);
    }

    private void hold(Precision precision) {
        List<Rows> computed = ask(HELD, precision, Positions.withLabels(TOKENS));
        assertThat(computed)
                .hasSize(3)
                .allMatch(rows -> rows.getSource() == Source.SOURCE_COMPUTED && !rows.getNarrowed());
    }

    private RowColumns exact(Selection selection) {
        return fixture.teacher.rows(new ScoreItem(tokens, some), RowContent.of(selection));
    }

    private interface RowTest {
        void check(TargetBlock block, int row, RowColumns exact, int exactRow);
    }

    private void forEachRow(Precision held, Precision precision, RowTest test) {
        hold(held);
        List<Selection> narrower = NARROWER.stream()
                .filter(selection -> Containment.answers(HELD, selection, held, 1_000, 0))
                .toList();
        for (Selection selection : narrower) {
            List<Rows> narrowed = ask(selection, precision, some);
            RowColumns exact = exact(selection);
            int at = 0;
            for (Rows rows : narrowed) {
                assertThat(rows.getSource()).isEqualTo(Source.SOURCE_CACHED);
                assertThat(rows.getNarrowed()).isTrue();
                TargetBlock block = BlockDecoder.decode(rows.getBlock().asReadOnlyByteBuffer());
                assertThat(block.header().selection()).isEqualTo(selection);
                for (int row = 0; row < block.rows(); row++, at++) {
                    assertThat(block.header().positions()[row]).isEqualTo(some[at]);
                    test.check(block, row, exact, at);
                }
                assertThat(Arrays.equals(
                                block.temperatureOffsets(),
                                Arrays.copyOfRange(
                                        exact.temperatureOffsets(),
                                        (at - block.rows())
                                                * selection.temperatures().size(),
                                        at * selection.temperatures().size())))
                        .isTrue();
            }
            assertThat(at).isEqualTo(some.length);
        }
        assertThat(fixture.teacher.sequencesScored()).isEqualTo(1);
        assertThat(fixture.counter("lyne.teacher.cache.narrowed")).isEqualTo(narrower.size());
    }

    private static int[] ids(TargetBlock block, int row) {
        return Arrays.copyOfRange(block.ids(), block.offsets()[row], block.offsets()[row + 1]);
    }

    @Test
    void exact_narrowed_equalsFreshRows() {
        forEachRow(Precision.EXACT, Precision.EXACT, (block, row, exact, at) -> {
            int from = at * exact.stride();
            int count = exact.counts()[at];
            assertThat(ids(block, row)).isEqualTo(Arrays.copyOfRange(exact.ids(), from, from + count));
            assertThat(Arrays.copyOfRange(block.logProbabilities(), block.offsets()[row], block.offsets()[row + 1]))
                    .isEqualTo(Arrays.copyOfRange(exact.logProbabilities(), from, from + count));
            assertThat(block.logTailMass()[row]).isCloseTo(exact.logTailMass()[at], within(1e-6f));
            assertThat(block.labelLogProbability()[row]).isEqualTo(exact.labelLogProbability()[at]);
        });
    }

    /** The ids of a fresh row, each with its exact value within the precision. */
    private void assertWithin(TargetBlock block, int row, int at, double perNat, double flat, double tailError) {
        int[] fresh = Arrays.copyOfRange(every.ids(), at * 1_000, at * 1_000 + block.count(row));
        assertThat(ids(block, row))
                .containsExactlyInAnyOrder(Arrays.stream(fresh).boxed().toArray(Integer[]::new));
        double kept = 0;
        double keptHere = 0;
        for (int i = block.offsets()[row]; i < block.offsets()[row + 1]; i++) {
            double value = every.logProbabilities()[at * 1_000 + rank(at, block.ids()[i])];
            assertThat(block.logProbabilities()[i]).isCloseTo((float) value, within((float) (flat - value * perNat)));
            divergence += Math.exp(value) * (value - block.logProbabilities()[i]);
            kept += Math.exp(value);
            keptHere += Math.exp(block.logProbabilities()[i]);
        }
        double tail = Math.log(1 - kept);
        assertThat((double) block.logTailMass()[row]).isCloseTo(tail, within(tailError - tail * perNat));
        assertThat(keptHere + Math.exp(block.logTailMass()[row])).isCloseTo(1, within(flat > 0 ? 1e-5 : 1e-2));
        divergence += (1 - kept) * (tail - block.logTailMass()[row]);
        compared++;
    }

    private int rank(int at, int id) {
        int from = at * 1_000;
        int rank = Math.floorMod(id - every.ids()[from], 1_000);
        assertThat(every.ids()[from + rank]).isEqualTo(id);
        return rank;
    }

    @Test
    void exact_narrowedToHalf_isWithinItsBounds() {
        forEachRow(
                Precision.EXACT,
                Precision.HALF,
                (block, row, exact, at) -> assertWithin(block, row, at, 1.0 / 2_048, 0, 1e-6));
    }

    /** A tail that rounded entries were added to would break the bounds of half rows, so exact ones take their place. */
    @Test
    void half_askedForLess_isComputedOnceMoreAndThenHoldsBoth() {
        hold(Precision.HALF);
        Selection eight = new Selection.TopK(8, List.of());
        for (int time = 0; time < 3; time++) {
            Source expected = time == 0 ? Source.SOURCE_COMPUTED : Source.SOURCE_CACHED;
            assertThat(ask(eight, Precision.HALF, some)).allMatch(rows -> rows.getSource() == expected);
            assertThat(ask(HELD, Precision.HALF, some)).allMatch(rows -> rows.getSource() == Source.SOURCE_CACHED);
        }
        assertThat(fixture.teacher.sequencesScored()).isEqualTo(2);
    }

    @Test
    void compact_narrowed_isWithinItsBoundsAtTheNarrowedK() {
        forEachRow(
                Precision.COMPACT,
                Precision.COMPACT,
                (block, row, exact, at) -> assertWithin(block, row, at, 0, 0.1, 0.05));

        assertThat(compared).isGreaterThanOrEqualTo(2 * some.length);
        assertThat(divergence / compared).isLessThanOrEqualTo(1e-4);
    }

    @Test
    void exact_askedForInACoarserPrecision_hasTheBytesOfFreshRows() throws Exception {
        hold(Precision.EXACT);
        for (Precision precision : List.of(Precision.HALF, Precision.COMPACT)) {
            List<Rows> again = ask(HELD, precision, some);
            try (ServerFixture other = new ServerFixture()) {
                Sequence sequence = TestStream.sequence(1, tokens).toBuilder()
                        .addAllPositions(Positions.toRanges(some))
                        .build();
                List<Rows> fresh = other.stream()
                        .open(TestStream.opening(HELD, precision).build())
                        .score(sequence)
                        .awaitDone(1)
                        .rows(1);
                assertThat(again)
                        .extracting(Rows::getBlock)
                        .isEqualTo(fresh.stream().map(Rows::getBlock).toList());
            }
            assertThat(again).allMatch(rows -> rows.getSource() == Source.SOURCE_CACHED && !rows.getNarrowed());
        }
        assertThat(fixture.teacher.sequencesScored()).isEqualTo(1);
    }

    @Test
    void compact_askedForInExactPrecision_isComputedAndThenHoldsBoth() {
        hold(Precision.COMPACT);
        Selection eight = new Selection.TopK(8, List.of());
        assertThat(ask(eight, Precision.EXACT, some)).allMatch(rows -> rows.getSource() == Source.SOURCE_COMPUTED);

        assertThat(ask(HELD, Precision.COMPACT, some)).allMatch(rows -> rows.getSource() == Source.SOURCE_CACHED);
        assertThat(ask(eight, Precision.EXACT, some)).allMatch(rows -> rows.getSource() == Source.SOURCE_CACHED);
        assertThat(fixture.teacher.sequencesScored()).isEqualTo(2);
    }

    /** Eight students of one text, a k each: widest first they cost one forward, and in any order they get the ids of lone runs. */
    @Test
    void sweepOverK_inAnyOrder_givesEachItsLoneRunsIds() throws Exception {
        List<Integer> order = new ArrayList<>(List.of(64, 48, 32, 24, 16, 8, 4, 1));
        for (int round = 0; round < 6; round++) {
            try (ServerFixture server = new ServerFixture()) {
                for (int k : order) {
                    Selection selection = new Selection.TopK(k, List.of());
                    List<Rows> rows = server.stream()
                            .open(TestStream.opening(selection, Precision.COMPACT)
                                    .build())
                            .score(TestStream.sequence(1, tokens))
                            .awaitDone(1)
                            .rows(1);
                    RowColumns exact = fixture.teacher.rows(
                            new ScoreItem(tokens, Positions.withLabels(TOKENS)), RowContent.topK(k));
                    int at = 0;
                    for (Rows message : rows) {
                        TargetBlock block =
                                BlockDecoder.decode(message.getBlock().asReadOnlyByteBuffer());
                        for (int row = 0; row < block.rows(); row++, at++) {
                            int from = at * exact.stride();
                            assertThat(Arrays.stream(ids(block, row)).sorted().toArray())
                                    .as("order %s, k = %s, row %s", order, k, at)
                                    .isEqualTo(Arrays.stream(exact.ids(), from, from + k)
                                            .sorted()
                                            .toArray());
                        }
                    }
                }
                if (round == 0) {
                    assertThat(server.teacher.sequencesScored())
                            .as("widest first")
                            .isEqualTo(1);
                }
            }
            Collections.shuffle(order, new Random(round));
        }
    }

    /** Rounded masses do not say how many entries reach p, so such rows are computed, and then hold both. */
    @Test
    void compact_askedForFewerByMass_isComputedAndHasTheCountsOfFreshRows() {
        hold(Precision.COMPACT);
        Selection mass = new Selection.TopPK(0.8, 40, 1f, List.of());
        RowColumns exact = exact(mass);
        for (int time = 0; time < 2; time++) {
            Source expected = time == 0 ? Source.SOURCE_COMPUTED : Source.SOURCE_CACHED;
            int at = 0;
            for (Rows rows : ask(mass, Precision.COMPACT, some)) {
                assertThat(rows.getSource()).isEqualTo(expected);
                TargetBlock block = BlockDecoder.decode(rows.getBlock().asReadOnlyByteBuffer());
                for (int row = 0; row < block.rows(); row++, at++) {
                    assertThat(block.count(row)).as("row %s", at).isEqualTo(exact.counts()[at]);
                }
            }
            assertThat(ask(HELD, Precision.COMPACT, some)).allMatch(rows -> rows.getSource() == Source.SOURCE_CACHED);
        }
        assertThat(fixture.teacher.sequencesScored()).isEqualTo(2);
    }

    @Test
    void finer_whileTheCoarserIsComputed_joinsIt() {
        fixture.teacher.hold();
        TestStream coarse = fixture.stream()
                .open(TestStream.opening(HELD, Precision.COMPACT).build())
                .score(1, tokens);
        await().until(() -> fixture.teacher.batches().size() == 1);
        TestStream fine = fixture.stream()
                .open(TestStream.opening(HELD, Precision.EXACT).build())
                .score(1, tokens);
        await().until(() -> fixture.counter("lyne.teacher.cache.coalesced") == 1);
        fixture.teacher.allowAll();

        for (TestStream stream : List.of(coarse, fine)) {
            for (Rows rows : stream.awaitDone(1).rows(1)) {
                BlockHeader header = BlockDecoder.header(rows.getBlock().asReadOnlyByteBuffer());
                assertThat(header.precision()).isEqualTo(stream == fine ? Precision.EXACT : Precision.COMPACT);
                assertThat(rows.getNarrowed()).isFalse();
            }
        }
        assertThat(fixture.teacher.sequencesScored()).isEqualTo(1);
    }

    @Test
    void students_withATemperatureEach_costOneForwardEachAtMostOnce() {
        for (int epoch = 0; epoch < 3; epoch++) {
            for (float temperature : new float[] {0.5f, 2f, 4f}) {
                ask(new Selection.TopK(8, List.of(temperature)), Precision.COMPACT, some);
            }
            assertThat(fixture.teacher.sequencesScored()).isEqualTo(3);
        }
    }

    @Test
    void narrower_whileTheWiderIsComputed_joinsIt() {
        fixture.teacher.hold();
        TestStream wide = fixture.stream()
                .open(TestStream.opening(HELD, Precision.EXACT).build())
                .score(1, tokens);
        await().until(() -> fixture.teacher.batches().size() == 1);
        TestStream narrow = fixture.stream()
                .open(TestStream.opening(new Selection.TopK(4, List.of()), Precision.COMPACT)
                        .build())
                .score(1, tokens);
        await().until(() -> fixture.counter("lyne.teacher.cache.coalesced") == 1);
        fixture.teacher.allowAll();

        assertThat(wide.awaitDone(1).rows(1))
                .allMatch(rows -> rows.getSource() == Source.SOURCE_COMPUTED && !rows.getNarrowed());
        assertThat(narrow.awaitDone(1).rows(1))
                .allMatch(rows -> rows.getSource() == Source.SOURCE_COALESCED && rows.getNarrowed());
        assertThat(fixture.teacher.sequencesScored()).isEqualTo(1);
    }
}
