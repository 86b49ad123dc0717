package dev.lyne.teacher.score;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.wire.RowFormat;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The table of what answers what: by entries, by precision, by positions, by chosen ids; and what of it holds for exact bits. */
final class CachedSelectionTest {
    private static final int VOCABULARY = 1_000;
    private static final int[] ALL = IntStream.range(0, 20).toArray();
    private static final int[] SOME = {3, 4, 11};
    private static final Precision EXACT = Precision.EXACT;
    private static final Precision HALF = Precision.HALF;
    private static final Precision COMPACT = Precision.COMPACT;

    private static CachedSelection holds(Selection selection, Precision precision, int... positions) {
        return new CachedSelection(new RowFormat(selection, precision, false), positions, new int[0][], 0);
    }

    private static CachedSelection raw(Selection selection, Precision precision, int... positions) {
        return new CachedSelection(new RowFormat(selection, precision, true), positions, new int[0][], 0);
    }

    private static CachedSelection chosen(int k, int[] positions, int[]... ids) {
        return new CachedSelection(new RowFormat(new Selection.Chosen(k, List.of()), EXACT, false), positions, ids, 0);
    }

    private static Selection topK(int k, Float... temperatures) {
        return new Selection.TopK(k, List.of(temperatures));
    }

    private static Selection topPK(double p, int k) {
        return new Selection.TopPK(p, k, 1f, List.of());
    }

    private static Selection draws(long seed, Float... temperatures) {
        return new Selection.Draws(50, 4, seed, List.of(temperatures));
    }

    static List<Arguments> cases() {
        int[] one = {1};
        int[] two = {2, 5};
        return List.of(
                // held, wanted, answers, answers in deterministic mode
                row("the same", holds(topK(64), EXACT, ALL), holds(topK(64), EXACT, ALL), true, true),
                row("smaller k", holds(topK(64), EXACT, ALL), holds(topK(16), EXACT, ALL), true, false),
                row("smaller k, half", holds(topK(64), HALF, ALL), holds(topK(16), HALF, ALL), false, false),
                row("smaller k, compact", holds(topK(64), COMPACT, ALL), holds(topK(16), COMPACT, ALL), true, false),
                row(
                        "k between cuts, compact",
                        holds(topK(64), COMPACT, ALL),
                        holds(topK(37), COMPACT, ALL),
                        false,
                        false),
                row("k between cuts, exact", holds(topK(64), EXACT, ALL), holds(topK(37), EXACT, ALL), true, false),
                row(
                        "p in k, compact",
                        holds(topK(64), COMPACT, ALL),
                        holds(topPK(0.9, 64), COMPACT, ALL),
                        false,
                        false),
                row(
                        "smaller p, compact",
                        holds(topPK(0.9, 64), COMPACT, ALL),
                        holds(topPK(0.8, 64), COMPACT, ALL),
                        false,
                        false),
                row(
                        "k of the same p, compact",
                        holds(topPK(0.9, 64), COMPACT, ALL),
                        holds(topPK(0.9, 24), COMPACT, ALL),
                        true,
                        false),
                row("greater k", holds(topK(16), EXACT, ALL), holds(topK(64), EXACT, ALL), false, false),
                row("p in k", holds(topK(64), EXACT, ALL), holds(topPK(0.9, 64), EXACT, ALL), true, false),
                row(
                        "p past k, mass reached",
                        holds(topK(64), EXACT, ALL).withKeptMass(0.95),
                        holds(topPK(0.9, 99), EXACT, ALL),
                        true,
                        false),
                row(
                        "p past k, mass short",
                        holds(topK(64), EXACT, ALL).withKeptMass(0.85),
                        holds(topPK(0.9, 99), EXACT, ALL),
                        false,
                        false),
                row("smaller p", holds(topPK(0.9, 64), EXACT, ALL), holds(topPK(0.8, 64), EXACT, ALL), true, false),
                row("greater p", holds(topPK(0.8, 64), EXACT, ALL), holds(topPK(0.9, 64), EXACT, ALL), false, false),
                row("k of p", holds(topPK(0.9, 64), EXACT, ALL), holds(topK(8), EXACT, ALL), false, false),
                row(
                        "a fraction of k",
                        holds(topK(50), COMPACT, ALL),
                        holds(new Selection.TopFraction(0.05, List.of()), COMPACT, ALL),
                        true,
                        false),
                row(
                        "data alone",
                        holds(topK(50), COMPACT, ALL),
                        holds(new Selection.LabelOnly(List.of()), COMPACT, ALL),
                        true,
                        false),
                row(
                        "a temperature held",
                        holds(topK(8, 2f, 4f), EXACT, ALL),
                        holds(topK(8, 4f), EXACT, ALL),
                        true,
                        false),
                row(
                        "a temperature not held",
                        holds(topK(8, 2f), EXACT, ALL),
                        holds(topK(8, 4f), EXACT, ALL),
                        false,
                        false),
                row("draws", holds(draws(7), EXACT, ALL), holds(draws(7), EXACT, ALL), true, true),
                row("draws at some positions", holds(draws(7), EXACT, ALL), holds(draws(7), EXACT, SOME), true, true),
                row("draws of another seed", holds(draws(7), EXACT, ALL), holds(draws(8), EXACT, ALL), false, false),
                row("top-k of draws", holds(draws(7), EXACT, ALL), holds(topK(1), EXACT, ALL), false, false),
                // precision
                row("half of exact", holds(topK(8), EXACT, ALL), holds(topK(8), HALF, ALL), true, true),
                row("compact of exact", holds(topK(8), EXACT, ALL), holds(topK(8), COMPACT, ALL), true, true),
                row("less k, compact of exact", holds(topK(8), EXACT, ALL), holds(topK(4), COMPACT, ALL), true, false),
                row("exact of half", holds(topK(8), HALF, ALL), holds(topK(8), EXACT, ALL), false, false),
                row("compact of half", holds(topK(8), HALF, ALL), holds(topK(8), COMPACT, ALL), false, false),
                row("half of compact", holds(topK(8), COMPACT, ALL), holds(topK(8), HALF, ALL), false, false),
                row("exact of compact", holds(topK(8), COMPACT, ALL), holds(topK(8), EXACT, ALL), false, false),
                // raw logits
                row("logits", raw(topK(8), EXACT, ALL), raw(topK(8), EXACT, ALL), true, true),
                row("none of logits", raw(topK(8), HALF, ALL), holds(topK(8), HALF, ALL), true, false),
                row("compact, none of logits", raw(topK(8), EXACT, ALL), holds(topK(8), COMPACT, ALL), true, false),
                row("logits of none", holds(topK(8), EXACT, ALL), raw(topK(8), EXACT, ALL), false, false),
                // positions
                row("some positions", holds(topK(8), EXACT, ALL), holds(topK(8), EXACT, SOME), true, true),
                row("some positions, half", holds(topK(8), HALF, ALL), holds(topK(8), HALF, SOME), true, true),
                row(
                        "some positions, compact",
                        holds(topK(8), COMPACT, ALL),
                        holds(topK(8), COMPACT, SOME),
                        true,
                        false),
                row("compact of exact at some", holds(topK(8), EXACT, ALL), holds(topK(8), COMPACT, SOME), true, true),
                row("more positions", holds(topK(8), EXACT, SOME), holds(topK(8), EXACT, ALL), false, false),
                row("other positions", holds(topK(8), EXACT, SOME), holds(topK(8), EXACT, 3, 5), false, false),
                // chosen ids
                row("same ids", chosen(4, SOME, one, two, one), chosen(4, SOME, one, two, one), true, true),
                row("same ids at some", chosen(4, SOME, one, two, one), chosen(4, new int[] {4}, two), true, true),
                row("fewer ids", chosen(4, SOME, one, two, one), chosen(4, new int[] {4}, new int[] {2}), false, false),
                row("ids of another row", chosen(4, SOME, one, two, one), chosen(4, new int[] {3}, two), false, false),
                row("another k", chosen(4, SOME, one, two, one), chosen(3, SOME, one, two, one), false, false));
    }

    private static Arguments row(
            String name, CachedSelection held, CachedSelection wanted, boolean answers, boolean exactly) {
        return Arguments.of(name, held, wanted, answers, exactly);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void contains_heldAndWanted_decides(
            String name, CachedSelection held, CachedSelection wanted, boolean answers, boolean exactly) {
        assertThat(CachedSelection.contains(held, wanted, VOCABULARY, false)).isEqualTo(answers);
        assertThat(CachedSelection.contains(held, wanted, VOCABULARY, true)).isEqualTo(exactly);
    }

    static List<Arguments> widenings() {
        int[] all = IntStream.range(0, 12).toArray();
        return List.of(
                // held, wanted, computed
                Arguments.of(
                        holds(topK(8, 2f), EXACT, 1), holds(topK(8, 4f), EXACT, 1), holds(topK(8, 4f, 2f), EXACT, 1)),
                Arguments.of(holds(topK(64), COMPACT, 1), holds(topK(8), EXACT, 1), holds(topK(64), EXACT, 1)),
                Arguments.of(holds(topK(8), HALF, 1), holds(topK(8), COMPACT, 1), holds(topK(8), EXACT, 1)),
                Arguments.of(
                        holds(topK(8), COMPACT, 0, 1, 2, 3, 4, 5, 6),
                        holds(topK(9), COMPACT, 5, 6, 7, 8, 9, 10, 11),
                        holds(topK(9), COMPACT, all)),
                Arguments.of(
                        holds(topPK(0.9, 10), EXACT, 1),
                        holds(topPK(0.8, 20), EXACT, 1),
                        holds(topPK(0.9, 20), EXACT, 1)),
                Arguments.of(holds(topPK(0.9, 10), EXACT, 1), holds(topK(8), EXACT, 1), holds(topK(10), EXACT, 1)),
                Arguments.of(
                        holds(new Selection.LabelOnly(List.of(2f)), EXACT, 1),
                        holds(topPK(0.9, 10), EXACT, 1),
                        holds(new Selection.TopPK(0.9, 10, 1f, List.of(2f)), EXACT, 1)),
                Arguments.of(
                        holds(draws(7, 2f), EXACT, 1), holds(draws(7), EXACT, 2), holds(draws(7, 2f), EXACT, 1, 2)),
                Arguments.of(holds(topK(64), HALF, 1), holds(topK(8), HALF, 1), holds(topK(64), EXACT, 1)),
                Arguments.of(holds(topK(8, 2f), HALF, 1), holds(topK(8), HALF, 2), holds(topK(8, 2f), HALF, 1, 2)),
                // what is wanted holds all: nothing to widen
                Arguments.of(
                        holds(topK(8), EXACT, 1), holds(topK(9, 2f), EXACT, 1, 2), holds(topK(9, 2f), EXACT, 1, 2)),
                // nothing holds both
                Arguments.of(
                        chosen(4, SOME, SOME, SOME, SOME),
                        chosen(4, SOME, ALL, ALL, ALL),
                        chosen(4, SOME, ALL, ALL, ALL)),
                Arguments.of(
                        holds(new Selection.TopPK(0.9, 9, 2f, List.of()), EXACT, 1),
                        holds(new Selection.TopPK(0.8, 10, 2f, List.of()), EXACT, 1),
                        holds(new Selection.TopPK(0.8, 10, 2f, List.of()), EXACT, 1)));
    }

    @ParameterizedTest
    @MethodSource("widenings")
    void widening_heldAndWanted_isOneComputationForBoth(
            CachedSelection held, CachedSelection wanted, CachedSelection computed) {
        CachedSelection widened = Widening.of(held, wanted, VOCABULARY);

        assertThat(widened.format()).isEqualTo(computed.format());
        assertThat(Arrays.equals(widened.positions(), computed.positions())).isTrue();
    }
}
