package dev.lyne.client;

import java.time.Duration;

/**
 * Targets of sequences, handed out strictly in the order the sequences were offered. One thread offers and takes; any
 * thread may read {@link #statistics} and close.
 */
public interface TargetStream extends AutoCloseable {
    /** The teacher, as it answered when the stream was opened. */
    TeacherDescription teacher();

    /**
     * Adds a sequence behind those offered before, unless the prefetch window is full; never blocks.
     *
     * @return false if the prefetch window is full: take first, then offer the same sequence again
     * @throws IllegalArgumentException if a token is out of range, the sequence too long for the teacher, or tokens are chosen where the
     *     selection chooses none, or the other way round
     * @throws TeacherException if the stream has failed
     */
    boolean offer(TargetSequence sequence);

    /**
     * Takes the targets of the earliest sequence not taken yet, waiting for them where needed. After a
     * {@link SequenceFailedException} or {@link MisalignedTargetsException} that sequence counts as taken and the stream
     * goes on; any other {@link TeacherException} has ended the stream.
     *
     * @throws IllegalStateException if no sequence is waiting
     * @throws SequenceFailedException if this sequence alone failed for good
     * @throws MisalignedTargetsException if its rows are not an answer to it
     * @throws TeacherMismatchException if a server turned out to hold another teacher
     * @throws TeacherUnavailableException if no teacher made progress for the time configured
     */
    Targets take() throws InterruptedException;

    /**
     * Waits until {@link #take} would not, at most so long.
     *
     * @return whether it would not
     */
    default boolean await(Duration atMost) throws InterruptedException {
        return true;
    }

    /** Asks once more for a sequence whose take failed, as the next one that take hands out, whatever the window. */
    void askAgain(TargetSequence sequence);

    /** Sequences offered and not taken. */
    int pending();

    /** Returns the counts of what has been asked, received and waited for so far. */
    StreamStatistics statistics();

    /** Cancels what is in flight. A thread waiting in {@link #take} gets an {@link IllegalStateException}. */
    @Override
    void close();
}
