package dev.lyne.student.train;

import java.util.List;

/** The windows of one optimiser step after another, with the teacher's rows for them. One thread uses a feed. */
interface StepFeed extends AutoCloseable {
    /** The next windows with their targets; absent where the teacher failed a window for good. */
    List<StepItem> next(int count) throws InterruptedException;

    /** What went wrong with the windows that have no targets, of the last call of {@link #next}. */
    List<String> failures();

    /** Time spent waiting for targets. */
    long stallNanos();

    @Override
    void close();
}
