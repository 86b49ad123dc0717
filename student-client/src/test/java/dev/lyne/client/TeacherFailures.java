package dev.lyne.client;

import io.grpc.Status;

/** Failures as a teacher's stream would throw them, for fakes in other packages. */
public final class TeacherFailures {
    private TeacherFailures() {}

    /** One sequence failed. */
    public static SequenceFailedException sequenceFailed(long id) {
        return new SequenceFailedException(id, Status.Code.DATA_LOSS, "logits are not finite");
    }
}
