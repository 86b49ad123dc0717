package dev.lyne.teacher.score;

import dev.lyne.row.RowSource;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.trace.SequenceTrace;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** Someone who asked for a sequence. Exactly one of these is called, once, on any thread, unless the caller withdrew. */
public interface Callback {
    /**
     * The rows are there.
     *
     * @param narrowed true where they were cut from rows of a wider selection
     */
    void scored(EncodedSequence rows, RowSource source, boolean narrowed);

    /**
     * The rows that come next are not vouched for yet; called right before {@link #scored}.
     *
     * @param vouched completes when they are; fails where they are another model's, with a message that says so; is cancelled where nobody
     *     can tell any more, which {@linkplain #isDisowning accuses} no row
     */
    default void unvouched(int rows, CompletionStage<Void> vouched) {}

    /** Returns whether it does nothing with such rows before they are vouched for, so that this should be soon. */
    default boolean waitsForVouching() {
        return false;
    }

    /** Whether rows are known to be another model's by how the stage of {@link #unvouched} ended. */
    static boolean isDisowning(@Nullable Throwable ended) {
        return ended != null
                && !(ended instanceof CancellationException)
                && !(ended.getCause() instanceof CancellationException);
    }

    /** Returns the failure of rows that were held back, and that the stage of {@link #unvouched} did not vouch for. */
    static Failure notVouchedFor(Throwable ended) {
        return new Failure(
                Failure.Reason.ENGINE_UNAVAILABLE,
                "rows that no probe vouches for: "
                        + (isDisowning(ended) ? ended.getMessage() : "the engine's process ended before one passed")
                        + " (expected: to be asked for again)");
    }

    /** Returns the trace that what happens to its sequence is told to. */
    default SequenceTrace trace() {
        return SequenceTrace.NONE;
    }

    /** There will be none. */
    void failed(Failure failure);
}
