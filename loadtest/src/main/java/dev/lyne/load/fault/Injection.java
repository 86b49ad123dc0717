package dev.lyne.load.fault;

import java.util.function.BooleanSupplier;

/** A fault that has struck, and how it ends. */
interface Injection {
    /** Returns whether the fault is over before its time. */
    default boolean isOver() throws Exception {
        return false;
    }

    /** Undoes it. Tells whether a call or a process noticed. */
    boolean end() throws Exception;

    /** Returns an injection that has nothing to undo. */
    static Injection noticed(BooleanSupplier noticed) {
        return noticed::getAsBoolean;
    }
}
