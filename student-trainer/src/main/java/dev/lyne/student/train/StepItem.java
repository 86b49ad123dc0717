package dev.lyne.student.train;

import dev.lyne.client.Targets;
import dev.lyne.student.tokens.Window;
import java.util.Optional;

/**
 * A window of an optimiser step, with the teacher's rows for its positions where there are any.
 *
 * @param own what is known of the tokens of a text that the student wrote; absent on data
 */
record StepItem(Window window, Optional<Targets> targets, Optional<OwnTokens> own) {
    /** A window of data. */
    StepItem(Window window, Optional<Targets> targets) {
        this(window, targets, Optional.empty());
    }

    int positionCount() {
        return window.positions().length;
    }
}
