package dev.lyne.client;

import io.grpc.Status;

/** One sequence failed for good; the stream goes on. */
public final class SequenceFailedException extends TeacherException {
    private static final long serialVersionUID = 1L;
    private final long sequenceId;
    private final Status.Code code;

    SequenceFailedException(long sequenceId, Status.Code code, String description) {
        super("sequence " + sequenceId + ": " + code + ": " + description);
        this.sequenceId = sequenceId;
        this.code = code;
    }

    /** The student's id of the sequence. */
    public long sequenceId() {
        return sequenceId;
    }

    /** Why, as the server said. */
    public Status.Code code() {
        return code;
    }
}
