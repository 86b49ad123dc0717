package dev.lyne.load.run;

/** Told how a load test goes on, about once a second, from its own thread. */
@FunctionalInterface
public interface Progress {
    /**
     * One look.
     *
     * @param seconds since the step began, warm-up included
     * @param warm whether the step counts yet
     * @param positionsPerSecond since the last look
     * @param bytesPerSecond since the last look
     * @param unanswered sequences due and not answered
     */
    record Look(
            String step,
            double seconds,
            boolean warm,
            double positionsPerSecond,
            double bytesPerSecond,
            long unanswered) {}

    /** A second has passed. */
    void tell(Look look);
}
