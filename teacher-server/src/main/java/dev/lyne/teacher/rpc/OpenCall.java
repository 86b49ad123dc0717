package dev.lyne.teacher.rpc;

import dev.lyne.teacher.model.Failure;

/** A call that stays open, as the server sees it from its timers and when it drains. Safe for several threads. */
interface OpenCall {
    /** Tells a student that waits how far the device is. */
    void tellProgress();

    /** Ends the call where its reader has taken nothing for too long while others waited for the room that its rows take. */
    void endWhereStalled();

    /** Ends the call with UNAVAILABLE once it is owed nothing. */
    void drain();

    /** Ends the call at once, whatever it is owed. */
    void cut(Failure failure);
}
