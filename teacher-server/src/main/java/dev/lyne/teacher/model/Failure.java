package dev.lyne.teacher.model;

/**
 * Why a sequence, or a whole stream, gets no rows. A value, not an exception: it travels through the stages to its callers.
 *
 * @param reason the kind, which decides the status that the caller sees
 * @param message one line with the value and the expectation
 * @param retryMillis when to ask again, in milliseconds; 0: as usual for the reason
 */
public record Failure(Reason reason, String message, long retryMillis) {
    private static final int MAX_CHARACTERS = 1_000;

    public Failure {
        message = PrintableText.of(message, MAX_CHARACTERS);
    }

    /** To be asked again as usual for the reason, or not at all. */
    public Failure(Reason reason, String message) {
        this(reason, message, 0);
    }

    /**
     * Returns the failure that a caller sees of a defect of the server's: the first line of what was thrown; the log
     * has it whole.
     */
    public static Failure of(Reason reason, String what, Throwable thrown) {
        String message = thrown.getMessage();
        String first = message == null ? "" : message.lines().findFirst().orElse("");
        String line = first.isBlank() ? "no reason given; the server's log has more" : first;
        return new Failure(reason, what + ": " + PrintableText.of(line, PrintableText.MAX_CLIENT_CHARACTERS));
    }

    /** Kinds of failure. The names stand in {@code google.rpc.ErrorInfo.reason}. */
    public enum Reason {
        /** No token, or one that the server does not know. */
        UNAUTHENTICATED,
        /** A token or certificate whose time is over. */
        TOKEN_EXPIRED,
        /** A teacher or a class that the caller's token does not open. */
        PERMISSION_DENIED,
        /** A value out of its range. */
        INVALID_REQUEST,
        /** Bytes that are no message of the contract. */
        MALFORMED_MESSAGE,
        /** A message beyond the limit. */
        MESSAGE_TOO_LARGE,
        /** A message that does not belong where it came. */
        PROTOCOL_VIOLATION,
        /** No teacher of that name. */
        TEACHER_NOT_FOUND,
        /** A teacher that is not served now: it is being loaded, could not be, or goes away. */
        TEACHER_UNAVAILABLE,
        /** A teacher without a tokenizer. */
        NO_TOKENIZER,
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
        /** The device would not come to it in time. */
        OVERLOADED,
        /** The tenant asks faster than its quota lets it. */
        QUOTA_EXCEEDED,
        /** No memory is left for a sequence's keys and values. */
        KV_CACHE_FULL,
        /** A decoding session that said nothing for too long. */
        SESSION_IDLE,
        /** A teacher that does not decode. */
        NO_DECODING,
        /** Rows that waited too long for their reader, while others waited for the room. */
        READER_STALLED,
        /** The server is going away. */
        DRAINING,
        /** The device has no memory for a sequence, even alone. */
        DEVICE_MEMORY,
        /** The model threw. */
        MODEL_FAILED,
        /** No engine behind the teacher answers. */
        ENGINE_UNAVAILABLE,
        /** The engine behind the teacher answered with what is no row, or with an error of its own. */
        ENGINE_FAILED,
        /** The engine behind the teacher has other weights than it had. */
        TEACHER_CHANGED,
        /** A defect of the server. */
        SERVER_FAULT,
        /** A capture is served, and does not hold what is asked for. */
        NOT_CAPTURED,
        /** A capture's bytes are not what was written. */
        CAPTURE_DAMAGED
    }
}
