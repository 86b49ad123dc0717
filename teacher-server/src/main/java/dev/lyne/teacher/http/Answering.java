package dev.lyne.teacher.http;

import com.google.errorprone.annotations.concurrent.GuardedBy;

/** Requests that are being answered, over the whole door, and whether more are taken. Safe for several threads. */
final class Answering {
    @GuardedBy("this")
    private int count;

    private volatile boolean ending;

    synchronized void begin() {
        count++;
    }

    synchronized void end() {
        count--;
        if (count == 0) {
            notifyAll();
        }
    }

    /** Refuses requests from now on. */
    void endAfterThese() {
        ending = true;
    }

    boolean isEnding() {
        return ending;
    }

    /** Waits until none is being answered; false where some still are by then. */
    synchronized boolean awaitNone(long waitNanos) throws InterruptedException {
        long end = System.nanoTime() + waitNanos;
        while (count > 0) {
            long left = end - System.nanoTime();
            if (left <= 0) {
                return false;
            }
            wait(left / 1_000_000, (int) (left % 1_000_000));
        }
        return true;
    }
}
