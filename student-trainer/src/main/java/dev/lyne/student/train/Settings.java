package dev.lyne.student.train;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The values that a run's settings have, where they are given, and their defaults elsewhere. */
public final class Settings {
    private final Map<Setting, List<String>> values;

    private Settings(Map<Setting, List<String>> values) {
        this.values = values;
    }

    /** Settings of what is given for them; one that takes no list has its last value. */
    public static Settings of(Map<Setting, List<String>> given) {
        Map<Setting, List<String>> values = new EnumMap<>(Setting.class);
        values.putAll(given);
        return new Settings(values);
    }

    /** Every setting that has a value, by its key, in the order of the table. */
    Map<String, String> effective() {
        Map<String, String> effective = new LinkedHashMap<>();
        for (Setting setting : Setting.values()) {
            if (values.containsKey(setting) || setting.defaultValue().isPresent()) {
                effective.put(setting.key(), String.join(", ", list(setting)));
            }
        }
        return effective;
    }

    /** Returns these settings with another value in place of whatever was given. */
    Settings with(Setting setting, String value) {
        Map<Setting, List<String>> changed = new EnumMap<>(values);
        changed.put(setting, List.of(value));
        return new Settings(changed);
    }

    /** Whether a value was given, rather than left to the default. */
    boolean isGiven(Setting setting) {
        return values.containsKey(setting);
    }

    String text(Setting setting) {
        List<String> given = values.get(setting);
        if (given == null) {
            return setting.defaultValue()
                    .orElseThrow(() -> new IllegalArgumentException(
                            setting.key() + ": not given (expected: " + setting.description() + ")"));
        }
        String last = given.get(given.size() - 1);
        if (last.isBlank() && setting.defaultValue().isEmpty()) {
            throw refused(setting, "empty", setting.description());
        }
        return last;
    }

    List<String> list(Setting setting) {
        List<String> given = values.get(setting);
        if (given != null) {
            return given.stream().filter(value -> !value.isEmpty()).toList();
        }
        String defaultValue = text(setting);
        return defaultValue.isEmpty() ? List.of() : List.of(defaultValue);
    }

    Optional<String> optional(Setting setting) {
        String text = text(setting);
        return text.isEmpty() ? Optional.empty() : Optional.of(text);
    }

    int integer(Setting setting, int min, int max) {
        return (int) whole(setting, min, max);
    }

    long whole(Setting setting, long min, long max) {
        String text = text(setting);
        try {
            long value = Long.parseLong(text);
            if (value >= min && value <= max) {
                return value;
            }
        } catch (NumberFormatException e) {
            throw refused(setting, text, "a whole number, " + range(min, max));
        }
        throw refused(setting, text, range(min, max));
    }

    double number(Setting setting, double min, double max, boolean minIsIn) {
        String text = text(setting);
        String expected =
                (minIsIn ? "from " + min : "above " + min) + (max == Double.MAX_VALUE ? "" : ", at most " + max);
        try {
            double value = Double.parseDouble(text);
            if ((minIsIn ? value >= min : value > min) && value <= max) {
                return value;
            }
        } catch (NumberFormatException e) {
            throw refused(setting, text, "a number " + expected);
        }
        throw refused(setting, text, expected);
    }

    boolean flag(Setting setting) {
        return choice(setting, List.of("true", "false")).equals("true");
    }

    String choice(Setting setting, List<String> choices) {
        String text = text(setting);
        if (choices.contains(text)) {
            return text;
        }
        String respelt = text.replace('-', '_');
        throw refused(setting, text, choices.contains(respelt) ? respelt : String.join(", ", choices));
    }

    static IllegalArgumentException refused(Setting setting, Object value, String expected) {
        return new IllegalArgumentException(setting.key() + ": " + value + " (expected: " + expected + ")");
    }

    private static String range(long min, long max) {
        return max == Long.MAX_VALUE || max == Integer.MAX_VALUE ? min + " or more" : min + ".." + max;
    }
}
