package dev.lyne.teacher.decode;

import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.tenant.Flow;
import java.util.List;
import java.util.Optional;

/** A student's session. Safe for several threads; no method blocks or calls the listener. */
public interface DecodeSession {
    /**
     * Takes sequences on. One that does not fit fails alone, as the listener is told.
     *
     * @return why the session cannot go on, where a number is in use already
     */
    Optional<Failure> start(List<DecodeStart> starts);

    /**
     * Takes what the student says of its sequences. One that does not fit fails alone; what is said of one that has failed is passed over.
     *
     * @param ended numbers of sequences that end once they are owed nothing
     * @return why the session cannot go on, where a number is unknown or is still owed draws
     */
    Optional<Failure> step(List<DecodeStep> steps, int[] ended);

    /** Lets the session share the device by another weight from now on. */
    void renew(Flow flow);

    /**
     * Refuses a sequence that was to start, and for which nothing was taken of a quota; its failure is told in turn.
     *
     * @return why the session cannot go on, where a number is in use already
     */
    Optional<Failure> refuse(int sequence, Failure failure);

    /** The reader takes more again. */
    void readerTakesMore();

    /** Whether something is still to be computed. */
    boolean owes();

    /** Sequences that have not ended. */
    int texts();

    /**
     * Runs an action, as the last thing that the session does, once nothing is owed. A second call replaces the action.
     *
     * @param andEnd what is then to be done, on the thread of the listener
     */
    void finish(Runnable andEnd);

    /** Lets go of everything; the listener hears nothing any more, but for what is on its way. */
    void close();
}
