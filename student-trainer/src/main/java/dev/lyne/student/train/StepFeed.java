package dev.lyne.student.train;

import dev.lyne.client.Targets;
import dev.lyne.student.tokens.Window;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The windows of one optimiser step after another, with the teacher's rows for them. One thread uses a feed. */
interface StepFeed extends AutoCloseable {
    /**
     * A window of an optimiser step, with the teacher's rows for its positions where there are any.
     *
     * @param own what is known of the tokens of a text that the student wrote; absent on data
     * @param teacher which of the run's teachers was asked, by its number
     */
    record Item(Window window, Optional<Targets> targets, Optional<OwnTokens> own, int teacher) {
        /** A window of data, of the only teacher. */
        Item(Window window, Optional<Targets> targets) {
            this(window, targets, Optional.empty(), 0);
        }

        /** A window of the only teacher's. */
        Item(Window window, Optional<Targets> targets, Optional<OwnTokens> own) {
            this(window, targets, own, 0);
        }

        /** Positions with loss. */
        int positions() {
            return window.positions().length;
        }
    }

    /** The next windows with their targets; absent where the teacher failed a window for good. */
    List<Item> next(int count) throws InterruptedException;

    /** Returns the failures of the windows that have no targets, of the last call of {@link #next}. */
    List<String> failures();

    /**
     * Returns figures of the student's own text among the windows of the last call of {@link #next}, by name; empty
     * where there is none.
     */
    default Map<String, Double> ownText() {
        return Map.of();
    }

    /**
     * Returns warnings of the student's own text, of the last call of {@link #next}: each a line that was not told
     * before.
     */
    default List<String> alarms() {
        return List.of();
    }

    /** Values that change from step to step, of the step of the last call of {@link #next} or up to it, by name. */
    default Map<String, Double> scheduled() {
        return Map.of();
    }

    /** Takes the held-out loss after the last step, nats a token. */
    default void evaluated(double loss) {}

    /**
     * Returns the values that a checkpoint keeps of it after that step, which is the last one or, where that broke off,
     * the one before; by name.
     */
    default Map<String, Double> saved(long step) {
        return Map.of();
    }

    /** Time spent waiting for targets. */
    long stallNanos();

    @Override
    void close();
}
