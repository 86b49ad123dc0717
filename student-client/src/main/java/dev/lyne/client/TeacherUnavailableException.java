package dev.lyne.client;

/** No teacher answered, or none made progress, for the time configured; says what was tried. */
public final class TeacherUnavailableException extends TeacherException {
    private static final long serialVersionUID = 1L;

    TeacherUnavailableException(String message) {
        super(message);
    }

    TeacherUnavailableException(String message, Throwable cause) {
        super(message, cause);
    }
}
