package dev.lyne.load.bench;

import java.util.Locale;

/**
 * The load that a benchmark's figures were taken under.
 *
 * @param precision how rows are coded
 * @param tokens tokens a sequence
 */
public record BenchSetUp(int students, int k, String precision, int tokens, int rounds) {
    static BenchSetUp of(int students, BenchRows rows, int rounds) {
        return new BenchSetUp(
                students, rows.k(), rows.precision().name().toLowerCase(Locale.ROOT), rows.tokens(), rounds);
    }
}
