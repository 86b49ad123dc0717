package dev.lyne.student.report;

import java.util.ArrayList;
import java.util.List;

/**
 * A linear axis with round ticks.
 *
 * @param low value at its start
 * @param high value at its end, above {@code low}
 * @param step distance of ticks: 1, 2 or 5 times a power of ten
 */
record Axis(double low, double high, double step) {
    /** An axis that covers the values and ends on ticks. */
    static Axis covering(double least, double greatest, int ticks) {
        double span = greatest - least;
        if (!(span > 0)) {
            span = Math.max(Math.abs(greatest), 1) * 0.1;
        }
        double step = roundUp(span / ticks);
        double low = Math.floor(least / step + 1e-9) * step;
        double high = Math.max(Math.ceil(greatest / step - 1e-9) * step, low + step);
        return new Axis(low, high, step);
    }

    /** An axis from zero that ends where the values do. */
    static Axis fromZero(double greatest, int ticks) {
        double end = greatest > 0 ? greatest : 1;
        return new Axis(0, end, roundUp(end / ticks));
    }

    /** An axis that starts and ends where the values do. */
    static Axis exactly(double least, double greatest, int ticks) {
        double end = greatest > least ? greatest : least + 1;
        return new Axis(least, end, roundUp((end - least) / ticks));
    }

    private static double roundUp(double step) {
        double power = Math.pow(10, Math.floor(Math.log10(step)));
        double digit = step / power;
        return (digit <= 1.0001 ? 1 : digit <= 2.0001 ? 2 : digit <= 5.0001 ? 5 : 10) * power;
    }

    /** The same with ticks at whole numbers alone. */
    Axis whole() {
        return new Axis(low, high, Math.max(1, step));
    }

    List<Double> ticks() {
        List<Double> ticks = new ArrayList<>();
        for (long i = (long) Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
            ticks.add(i * step);
        }
        return ticks;
    }

    /** Where a value lies, 0 at the start and 1 at the end. */
    double at(double value) {
        return (value - low) / (high - low);
    }

    String label(double tick) {
        int digits = (int) Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
        return Math.abs(tick) >= 1e4 ? Html.count(tick).replace(".0 ", " ") : Html.decimal(tick, digits);
    }
}
