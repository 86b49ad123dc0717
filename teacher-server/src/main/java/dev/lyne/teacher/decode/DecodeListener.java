package dev.lyne.teacher.decode;

import dev.lyne.teacher.model.Failure;

/** Listener of a session. Told of one thing at a time, in order, on a thread of the scheduler's; must not block. */
public interface DecodeListener {
    /** Some answers. */
    void decoded(DecodedColumns columns);

    /**
     * A sequence failed; its number is free.
     *
     * @param spared what was taken of its tenant's quota for it, where nothing of it was computed
     */
    void failed(int sequence, Failure failure, long spared);

    /** The session is over, and was closed. */
    void over(Failure failure);

    /** Whether so much waits for the reader that nothing more is to be computed for it. Called with locks held: calls nothing. */
    boolean isFull();
}
