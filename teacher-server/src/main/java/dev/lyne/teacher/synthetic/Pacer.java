package dev.lyne.teacher.synthetic;

import java.util.concurrent.locks.LockSupport;

/**
 * Makes work take the time that it is to take. A wait that ends late is taken off the next one, so that the mean is right however coarse
 * the system's timer is; time between two pieces of work is nobody's. One thread uses it.
 */
final class Pacer {
    /** Time, and waiting for it. */
    interface Clock {
        long nanos();

        void waitNanos(long nanos);
    }

    /** The machine's. */
    static final Clock SYSTEM = new Clock() {
        @Override
        public long nanos() {
            return System.nanoTime();
        }

        @Override
        public void waitNanos(long nanos) {
            LockSupport.parkNanos(nanos);
        }
    };

    private static final long MOST_OWED_NANOS = 20_000_000; // a process that was stopped does not catch up

    private final Clock clock;
    private long owedNanos; // how late earlier waits ended

    Pacer(Clock clock) {
        this.clock = clock;
    }

    /** Returns when work that began then and takes so long is over; at once where it took longer. */
    void await(long startNanos, long costNanos) {
        long end = startNanos + costNanos - owedNanos;
        long now = clock.nanos();
        boolean waited = now < end;
        while (now < end) {
            clock.waitNanos(end - now);
            now = clock.nanos();
        }
        // Work that took longer by itself is late for good: only what a wait or a debt added is made up for.
        long late = waited ? now - end : Math.min(owedNanos, Math.max(0, now - end));
        owedNanos = Math.min(late, MOST_OWED_NANOS);
    }
}
