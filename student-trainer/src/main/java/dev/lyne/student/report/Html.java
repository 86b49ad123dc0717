package dev.lyne.student.report;

import java.util.Locale;

/** Text and numbers as they stand in HTML. */
public final class Html {
    private Html() {}

    /** Text with the characters replaced that mean something in HTML. */
    public static String escape(String text) {
        StringBuilder escaped = new StringBuilder(text.length() + 16);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '&' -> escaped.append("&amp;");
                case '<' -> escaped.append("&lt;");
                case '>' -> escaped.append("&gt;");
                case '"' -> escaped.append("&quot;");
                case '\'' -> escaped.append("&#39;");
                default -> escaped.append(c < ' ' && c != '\n' && c != '\t' ? '\u00b7' : c);
            }
        }
        return escaped.toString();
    }

    /** A number with so many digits after the point. */
    public static String decimal(double value, int digits) {
        return String.format(Locale.ROOT, "%,." + digits + "f", value);
    }

    /** A fraction as a percentage. */
    public static String percent(double fraction) {
        return decimal(fraction * 100, fraction >= 0.1 ? 0 : 1) + " %";
    }

    /** A count in the short form that people read: 5.7 M, 830 k, 12. */
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
