package dev.lyne.teacher.rpc;

import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.tenant.Caller;
import java.util.Optional;

/** A call that stays open, as the server sees it from its timers and when it drains. Safe for several threads. */
interface OpenCall {
    /** Returns the caller, as known last. */
    Caller caller();

    /** Takes what is known of its caller now; ends the call at once where that opens it no more. */
    void renew(Caller caller);

    /** Returns the status of an open stream of scores, where the call is one. */
    Optional<StreamStatus> status();

    /** Returns the status of an open session of Decode, where the call is one. */
    Optional<SessionStatus> session();

    /** Returns whether the call was opened to ask this teacher. */
    boolean asks(ServedTeacher teacher);

    /** Tells a student that waits how far the device is. */
    void tellProgress();

    /** Ends the call where its reader has taken nothing for too long while others waited for the room that its rows take. */
    void endWhereStalled();

    /** Ends the call with a failure that sends its caller elsewhere, once it is owed nothing. */
    void drain(Failure why);

    /** Ends the call at once, whatever it is owed. */
    void cut(Failure failure);
}
