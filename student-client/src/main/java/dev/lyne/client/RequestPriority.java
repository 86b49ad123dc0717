package dev.lyne.client;

import dev.lyne.v1.Priority;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Urgency of a client's work to the server: while several classes wait, each gets device time by its weight, 16 to 4 to
 * 1.
 */
public enum RequestPriority {
    /** The server's usual class: training, or capture where the client may ask for no more. */
    USUAL(Priority.PRIORITY_UNSPECIFIED),
    /** Somebody waits for it. */
    INTERACTIVE(Priority.PRIORITY_INTERACTIVE),
    /** A student's steps wait for it. */
    TRAINING(Priority.PRIORITY_TRAINING),
    /** Nothing waits for it but a file. */
    CAPTURE(Priority.PRIORITY_CAPTURE);

    private final Priority message;

    RequestPriority(Priority message) {
        this.message = message;
    }

    /** Returns the priority as the contract has it. */
    public Priority toMessage() {
        return message;
    }

    /**
     * Returns the priority that a setting names; empty: the usual one.
     *
     * @throws IllegalArgumentException with the names that there are
     */
    public static RequestPriority of(String text) {
        return Arrays.stream(values())
                .filter(each -> each == USUAL ? text.isEmpty() : each.label().equals(text))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("priority: " + text + " (expected: "
                        + Arrays.stream(values())
                                .filter(each -> each != USUAL)
                                .map(RequestPriority::label)
                                .collect(Collectors.joining(", "))
                        + ")"));
    }

    private String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
