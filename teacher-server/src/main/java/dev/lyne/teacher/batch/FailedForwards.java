package dev.lyne.teacher.batch;

import java.util.Collections;
import java.util.HashSet;
import java.util.Set;

/**
 * Whether a device's forwards fail one after the other, whatever they are of, sequences or steps of texts that are decoded: three in a row that have
 * nothing in common. One that fails for want of memory is among them where it is of one sequence and as much fitted
 * before. What fails again and again by itself says nothing of the device. Its device's thread tells it; others may
 * ask.
 */
final class FailedForwards {
    static final int MOST = 3;

    private final Set<Long> failed = new HashSet<>();
    private int inARow;
    private volatile boolean failing;

    /**
     * A forward has failed.
     *
     * @param of what tells its sequences or texts from others
     * @return whether that was once too often
     */
    boolean failed(Set<Long> of) {
        if (failing || !Collections.disjoint(failed, of)) {
            return false;
        }
        failed.addAll(of);
        failing = ++inARow == MOST;
        return failing;
    }

    /** A forward gave its rows or draws. Returns whether that is news. */
    boolean succeeded() {
        boolean news = failing;
        failed.clear();
        inARow = 0;
        failing = false;
        return news;
    }

    boolean areAll() {
        return failing;
    }
}
