package dev.lyne.client;

/** A server holds another teacher than the expected one, or than another replica; final, never retried. */
public final class TeacherMismatchException extends TeacherException {
    private static final long serialVersionUID = 1L;

    TeacherMismatchException(String message) {
        super(message);
    }
}
