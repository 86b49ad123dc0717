package dev.lyne.teacher.rpc;

import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.tenant.Caller;
import java.util.Optional;

/**
 * A call once its first message has opened it. gRPC calls {@link #onRequest} and {@link #halfClose} one at a time;
 * everything else comes from other threads.
 *
 * @param <Q> a request
 */
interface OpenedCall<Q> {
    /** Takes a request after the opening one. */
    void onRequest(Q request);

    /** The student sends no more: the call completes with its last answer. */
    void halfClose();

    /** There is room again for what the call asked room for. */
    void roomTaken();

    /** The server or the teacher goes away: the call takes nothing more, and ends after its last answer. */
    void drain(Failure why);

    /** The teacher that it asks. */
    ServedTeacher teacher();

    /** Why it has to end, where its teacher is going away. */
    Optional<Failure> leaving();

    /** Lets go of everything. The call has ended, however it did. */
    void release();

    /**
     * Takes what is known of the caller now.
     *
     * @return why it may not go on, where it may not
     */
    Optional<Failure> renew(Caller caller);

    /** Tells a student that waits how far the device is. */
    void tellProgress();

    /** Returns the status of a stream of scores, where the call is one. */
    default Optional<StreamStatus> status() {
        return Optional.empty();
    }

    /** Returns the status of a session of Decode, where the call is one. */
    default Optional<SessionStatus> session() {
        return Optional.empty();
    }
}
