package dev.lyne.teacher.access;

import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.tenant.Caller;

/** Whether a caller is known. */
public sealed interface Identity {
    /** A caller who is known. */
    record Known(Caller caller) implements Identity {}

    /** A caller who is not known, or not any more. */
    record Refused(Failure failure) implements Identity {}
}
