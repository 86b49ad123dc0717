package dev.lyne.teacher.tenant;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Urgency of work, the most urgent first. While several classes wait, each gets device time by its weight; none
 * starves.
 */
public enum PriorityClass {
    /** Somebody waits for it. */
    INTERACTIVE(16),
    /** A student's steps wait for it. */
    TRAINING(4),
    /** Nothing waits for it but a file. */
    CAPTURE(1);

    private final int weight;

    PriorityClass(int weight) {
        this.weight = weight;
    }

    /** Share of the device's time, against the other classes that wait. */
    public int weight() {
        return weight;
    }

    /** Whether this is at most as urgent as another, as one who may use that may use this. */
    public boolean within(PriorityClass best) {
        return compareTo(best) >= 0;
    }

    /** The name in files, options and metrics. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @throws IllegalArgumentException with the names that there are */
    public static PriorityClass of(String label) {
        return Arrays.stream(values())
                .filter(each -> each.label().equals(label))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(label + " (expected: "
                        + Arrays.stream(values()).map(PriorityClass::label).collect(Collectors.joining(", ")) + ")"));
    }
}
