package dev.lyne.client;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** The rule by which one of several replicas is asked for a sequence. */
public enum ReplicaRouting {
    /** The one that is expected to answer first, by what was measured: replicas of any speed work at theirs. */
    RATE,
    /**
     * The one that the sequence's tokens belong to, whichever student asks, so that replicas keep rows of different sequences. Where that is
     * busy others go first, and a replica with nothing to do takes any.
     */
    HASH;

    /**
     * Returns the routing that a setting names.
     *
     * @throws IllegalArgumentException with the names that there are
     */
    public static ReplicaRouting of(String text) {
        return Arrays.stream(values())
                .filter(each -> each.label().equals(text))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("routing: " + text + " (expected: "
                        + Arrays.stream(values()).map(ReplicaRouting::label).collect(Collectors.joining(", ")) + ")"));
    }

    private String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
