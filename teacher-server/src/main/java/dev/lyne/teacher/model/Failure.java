package dev.lyne.teacher.model;

/**
 * Why a sequence, or a whole stream, gets no rows. A value, not an exception: it travels through the stages to its askers.
 *
 * @param reason the kind, which decides the status that the asker sees
 * @param message one line with the value and the expectation
 */
public record Failure(Reason reason, String message) {
    /** Kinds of failure. The names stand in {@code google.rpc.ErrorInfo.reason}. */
    public enum Reason {
        /** No token, or one that the server does not know. */
        UNAUTHENTICATED,
        /** A value out of its range. */
        INVALID_REQUEST,
        /** A message that does not belong where it came. */
        PROTOCOL_VIOLATION,
        /** No teacher of that name. */
        TEACHER_NOT_FOUND,
        /** The student expects another teacher, tokenizer, vocabulary or machine. */
        TEACHER_MISMATCH,
        /** The token ids are not those that were sent. */
        CHECKSUM_MISMATCH,
        /** The model's logits are not finite. */
        NOT_FINITE,
        /** Not started before its deadline. */
        DEADLINE_PASSED,
        /** Withdrawn by the student. */
        WITHDRAWN,
        /** More in flight than was granted. */
        CREDIT_EXCEEDED,
        /** The server has as much work as it takes on. */
        QUEUE_FULL,
        /** The server is going away. */
        DRAINING,
        /** The model threw. */
        MODEL_FAILED,
        /** A capture is served, and does not hold what is asked for. */
        NOT_CAPTURED,
        /** A capture's bytes are not what was written. */
        CAPTURE_DAMAGED
    }
}
