package dev.lyne.client;

/** A failure of the stream of targets. */
public abstract sealed class TeacherException extends RuntimeException
        permits SequenceFailedException,
                MisalignedTargetsException,
                TeacherMismatchException,
                TeacherUnavailableException,
                TeacherRefusedException {
    private static final long serialVersionUID = 1L;

    TeacherException(String message) {
        super(message);
    }

    TeacherException(String message, Throwable cause) {
        super(message, cause);
    }
}
