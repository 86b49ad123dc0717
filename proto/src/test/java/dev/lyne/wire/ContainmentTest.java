package dev.lyne.wire;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.row.Selection;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class ContainmentTest {
    private static final int VOCABULARY = 1_000;

    static List<Arguments> cases() {
        return List.of(
                // held, wanted, smallest kept mass of the held rows, contained
                Arguments.of(topK(64), topK(64), 0.5, true),
                Arguments.of(topK(64), topK(1), 0.5, true),
                Arguments.of(topK(64), topK(65), 1.0, false),
                Arguments.of(topK(64, 2f), topK(16), 0.5, true),
                Arguments.of(topK(64, 2f, 4f), topK(16, 4f), 0.5, true),
                Arguments.of(topK(64), topK(16, 2f), 0.5, false),
                Arguments.of(topK(64), topPK(0.9, 64), 0.5, true),
                Arguments.of(topK(64), topPK(0.9, 100), 0.95, true),
                Arguments.of(topK(64), topPK(0.9, 100), 0.9, true),
                Arguments.of(topK(64), topPK(0.9, 100), 0.8, false),
                Arguments.of(topK(64), topPK(0.9, 100), 0.0, false),
                Arguments.of(topK(64), temperedTopPK(0.9, 50, 2f), 0.95, false),
                Arguments.of(topK(50), fraction(0.05), 0.5, true),
                Arguments.of(topK(49), fraction(0.05), 0.5, false),
                Arguments.of(fraction(0.05), topK(50), 0.5, true),
                Arguments.of(fraction(0.05), topK(51), 0.5, false),
                Arguments.of(fraction(0.05), topPK(0.5, 50), 0.1, true),
                Arguments.of(topPK(0.95, 50), topPK(0.95, 50), 0.9, true),
                Arguments.of(topPK(0.95, 50), topPK(0.9, 50), 0.9, true),
                Arguments.of(topPK(0.95, 50), topPK(0.95, 10), 0.9, true),
                Arguments.of(topPK(0.95, 50), topPK(0.96, 10), 0.99, false),
                Arguments.of(topPK(0.95, 50), topPK(0.9, 51), 0.99, false),
                Arguments.of(topPK(0.95, 50), topK(10), 0.99, false),
                Arguments.of(temperedTopPK(0.95, 50, 2f), temperedTopPK(0.95, 20, 2f), 0.9, true),
                Arguments.of(temperedTopPK(0.95, 50, 2f), temperedTopPK(0.9, 20, 2f), 0.9, false),
                Arguments.of(temperedTopPK(0.95, 50, 2f), topPK(0.95, 50), 0.9, false),
                Arguments.of(draws(50, 0, 1), draws(50, 0, 1), 0.5, true),
                Arguments.of(draws(50, 0, 1), draws(49, 0, 1), 0.5, false),
                Arguments.of(draws(50, 0, 1), draws(50, 0, 2), 0.5, false),
                Arguments.of(draws(50, 8, 1), draws(50, 0, 1), 0.5, false),
                Arguments.of(draws(50, 8, 1), topK(8), 0.5, false),
                Arguments.of(topK(64), draws(10, 0, 1), 1.0, false),
                Arguments.of(chosen(8), chosen(8), 0.5, true),
                Arguments.of(chosen(8), chosen(7), 0.5, false),
                Arguments.of(topK(64), chosen(8), 0.5, false),
                Arguments.of(topK(64), labelOnly(), 0.5, true),
                Arguments.of(topPK(0.9, 10), labelOnly(), 0.5, true),
                Arguments.of(labelOnly(), labelOnly(), 0.0, true),
                Arguments.of(labelOnly(), topK(1), 0.0, false));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void contains_heldAndWanted_decides(Selection held, Selection wanted, double keptMass, boolean contained) {
        assertThat(held.contains(wanted, VOCABULARY, keptMass)).isEqualTo(contained);
    }

    private static Selection topK(int k, Float... temperatures) {
        return new Selection.TopK(k, List.of(temperatures));
    }

    private static Selection topPK(double p, int k) {
        return temperedTopPK(p, k, 1f);
    }

    private static Selection temperedTopPK(double p, int k, float temperature) {
        return new Selection.TopPK(p, k, temperature, List.of());
    }

    private static Selection fraction(double fraction) {
        return new Selection.TopFraction(fraction, List.of());
    }

    private static Selection draws(int draws, int head, long seed) {
        return new Selection.Draws(draws, head, seed, List.of());
    }

    private static Selection chosen(int k) {
        return new Selection.Chosen(k, List.of());
    }

    private static Selection labelOnly() {
        return new Selection.LabelOnly(List.of());
    }
}
