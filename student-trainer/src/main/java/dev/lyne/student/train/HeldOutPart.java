package dev.lyne.student.train;

import dev.lyne.student.tokens.Windows;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Part of the held-out text that is evaluated on, so that what is chosen on one part is reported on another. */
public enum HeldOutPart {
    /** All of them. */
    ALL,
    /** Every third document, from the first. */
    VALIDATION,
    /** The others. */
    TEST;

    private static final long EVERY = 3;

    /** Reads it. */
    public static HeldOutPart of(Settings settings) {
        List<String> names = Arrays.stream(values())
                .map(part -> part.name().toLowerCase(Locale.ROOT))
                .toList();
        return valueOf(settings.choice(Setting.HELD_OUT_PART, names).toUpperCase(Locale.ROOT));
    }

    /** The windows of its documents. */
    public Windows of(Windows heldOut) {
        return switch (this) {
            case ALL -> heldOut;
            case VALIDATION -> heldOut.ofDocuments(number -> number % EVERY == 0);
            case TEST -> heldOut.ofDocuments(number -> number % EVERY != 0);
        };
    }
}
