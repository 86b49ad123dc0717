package dev.lyne.student.page;

import java.util.Locale;

/** Numbers in the forms that people read. */
public final class Figures {
    private Figures() {}

    /** A number with so many digits after the point. */
    public static String decimal(double value, int digits) {
        return String.format(Locale.ROOT, "%,." + digits + "f", value);
    }

    /** A fraction as a percentage. */
    public static String percent(double fraction) {
        return decimal(fraction * 100, fraction >= 0.1 ? 0 : 1) + " %";
    }

    /** A count in short: 5.7 M, 830 k, 12. */
    public static String count(double value) {
        if (value >= 1e9) {
            return decimal(value / 1e9, 1) + " G";
        }
        if (value >= 1e6) {
            return decimal(value / 1e6, 1) + " M";
        }
        if (value >= 1e4) {
            return decimal(value / 1e3, value >= 1e5 ? 0 : 1) + " k";
        }
        return decimal(value, 0);
    }
}
