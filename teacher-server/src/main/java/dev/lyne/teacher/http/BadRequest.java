package dev.lyne.teacher.http;

import dev.lyne.teacher.model.Failure;
import org.jspecify.annotations.Nullable;

/** A refusal of a request: status, the parameter that it is about, and one line with the value and the expectation. */
final class BadRequest extends Exception {
    private static final long serialVersionUID = 1;

    private final int status;
    private final String parameter;
    private final String line;
    private final Failure.@Nullable Reason reason;
    private final int retrySeconds;

    BadRequest(String parameter, String line) {
        this(400, parameter, line);
    }

    /** @param parameter "" where it is about none */
    BadRequest(int status, String parameter, String line) {
        this(status, parameter, line, null, 1);
    }

    private BadRequest(int status, String parameter, String line, Failure.@Nullable Reason reason, int retrySeconds) {
        super(line, null, false, false);
        this.status = status;
        this.parameter = parameter;
        this.line = line;
        this.reason = reason;
        this.retrySeconds = retrySeconds;
    }

    /**
     * The same, with what it comes of.
     *
     * @param after seconds after which it may be asked again, where it may
     */
    BadRequest of(Failure.Reason cause, int after) {
        return new BadRequest(status, parameter, line, cause, after);
    }

    /** Returns the reason that the refusal is counted under. */
    Failure.Reason reason() {
        return reason != null ? reason : Statuses.reason(this);
    }

    int status() {
        return status;
    }

    String parameter() {
        return parameter;
    }

    String line() {
        return line;
    }

    int retrySeconds() {
        return retrySeconds;
    }
}
