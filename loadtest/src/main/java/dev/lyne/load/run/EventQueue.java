package dev.lyne.load.run;

/** Time, and what is to be done when. */
interface EventQueue {
    /** Nanoseconds of a clock that only moves forward. */
    long now();

    /** Does something at that time, or as soon after as can be; never before. */
    void at(long nanos, Runnable task);
}
