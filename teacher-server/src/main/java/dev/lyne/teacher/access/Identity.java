package dev.lyne.teacher.access;

import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.tenant.Caller;

/** Whether a caller is known. */
public sealed interface Identity {
    /** It is, as this one. */
    record Known(Caller caller) implements Identity {}

    /** It is not, or not any more. */
    record Refused(Failure failure) implements Identity {}
}
