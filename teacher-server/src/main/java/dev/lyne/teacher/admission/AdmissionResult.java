package dev.lyne.teacher.admission;

import dev.lyne.teacher.model.Failure;
import java.util.function.Function;

/** The outcome of a request at the door: accepted with a value, or refused. */
public sealed interface AdmissionResult<T> {
    /** Let in, as a checked value. */
    record Accepted<T>(T value) implements AdmissionResult<T> {}

    /** Not let in. */
    record Refused<T>(Failure failure) implements AdmissionResult<T> {}

    /** Refuses with a reason and a line. */
    static <T> AdmissionResult<T> refuse(Failure.Reason reason, String message) {
        return new Refused<>(new Failure(reason, message));
    }

    /** Applies a function to an accepted value; a refusal stays one. */
    default <R> AdmissionResult<R> map(Function<? super T, ? extends R> function) {
        return flatMap(value -> new Accepted<>(function.apply(value)));
    }

    /** Applies a function that may refuse to an accepted value; a refusal stays one. */
    default <R> AdmissionResult<R> flatMap(Function<? super T, AdmissionResult<R>> function) {
        if (this instanceof Accepted<T> accepted) {
            return function.apply(accepted.value());
        }
        return new Refused<>(((Refused<T>) this).failure());
    }
}
