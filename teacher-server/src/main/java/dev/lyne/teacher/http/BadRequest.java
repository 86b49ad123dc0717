package dev.lyne.teacher.http;

/** A refusal of a request: status, the parameter that it is about, and one line with the value and the expectation. */
final class BadRequest extends Exception {
    private static final long serialVersionUID = 1;

    private final int status;
    private final String parameter;
    private final String line;

    BadRequest(String parameter, String line) {
        this(400, parameter, line);
    }

    /** @param parameter "" where it is about none */
    BadRequest(int status, String parameter, String line) {
        super(line, null, false, false);
        this.status = status;
        this.parameter = parameter;
        this.line = line;
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
}
