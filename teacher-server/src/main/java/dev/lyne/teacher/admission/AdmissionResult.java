package dev.lyne.teacher.admission;

import dev.lyne.teacher.model.Failure;

/** What became of a request at the door. */
public sealed interface AdmissionResult<T> {
    /** Let in, as a checked value. */
    record Accepted<T>(T value) implements AdmissionResult<T> {}

    /** Not let in. */
    record Refused<T>(Failure failure) implements AdmissionResult<T> {}

    /** Refuses with a reason and a line. */
    static <T> AdmissionResult<T> refuse(Failure.Reason reason, String message) {
        return new Refused<>(new Failure(reason, message));
    }
}
