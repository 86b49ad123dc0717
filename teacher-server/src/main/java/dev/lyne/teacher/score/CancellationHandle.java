package dev.lyne.teacher.score;

/** A caller's hold on what it asked for. */
@FunctionalInterface
public interface CancellationHandle {
    /** Handle of what was answered on the spot. */
    CancellationHandle ANSWERED = () -> false;

    /**
     * Withdraws the caller, and nobody else; work that nobody waits for any more is dropped where it has not started.
     *
     * @return true where the waiter will not be called any more; false where it was, or is about to be
     */
    boolean withdraw();
}
