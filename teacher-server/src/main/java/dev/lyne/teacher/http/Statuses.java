package dev.lyne.teacher.http;

import dev.lyne.teacher.model.Failure;

/** The one place where failures become HTTP status. */
final class Statuses {
    private Statuses() {}

    static BadRequest toBadRequest(Failure failure) {
        int status = switch (failure.reason()) {
            case UNAUTHENTICATED, TOKEN_EXPIRED -> 401;
            case PERMISSION_DENIED -> 403;
            case TEACHER_NOT_FOUND, NO_TOKENIZER, NOT_CAPTURED -> 404;
            case INVALID_REQUEST, MALFORMED_MESSAGE, MESSAGE_TOO_LARGE, PROTOCOL_VIOLATION, TEACHER_MISMATCH -> 400;
            case CREDIT_EXCEEDED,
                    QUEUE_FULL,
                    OVERLOADED,
                    QUOTA_EXCEEDED,
                    DRAINING,
                    READER_STALLED,
                    KV_CACHE_FULL,
                    ENGINE_UNAVAILABLE -> 503;
            case DEADLINE_PASSED -> 504;
            default -> 500;
        };
        long retrySeconds = Math.max(1, (failure.retryMillis() + 999) / 1000);
        return new BadRequest(status, parameter(failure), failure.message())
                .of(failure.reason(), (int) Math.min(retrySeconds, Integer.MAX_VALUE));
    }

    /** Returns the reason that a refusal is counted under. */
    static Failure.Reason reason(BadRequest refusal) {
        return switch (refusal.status()) {
            case 401 -> Failure.Reason.UNAUTHENTICATED;
            case 403 -> Failure.Reason.PERMISSION_DENIED;
            case 404 -> Failure.Reason.TEACHER_NOT_FOUND;
            case 413 -> Failure.Reason.MESSAGE_TOO_LARGE;
            case 503 -> Failure.Reason.OVERLOADED;
            case 504 -> Failure.Reason.DEADLINE_PASSED;
            default -> refusal.status() < 500 ? Failure.Reason.INVALID_REQUEST : Failure.Reason.SERVER_FAULT;
        };
    }

    /**
     * Returns the name of the request's parameter that a failure is about, which its line begins with: the prompt or
     * the number of entries.
     */
    private static String parameter(Failure failure) {
        if (failure.message().startsWith("token_ids")
                || failure.message().startsWith("tokens of the request")
                || failure.message().startsWith("entries of the rows")) {
            return "prompt";
        }
        return failure.message().startsWith("k:") || failure.message().startsWith("selection:")
                ? "prompt_logprobs"
                : "";
    }
}
