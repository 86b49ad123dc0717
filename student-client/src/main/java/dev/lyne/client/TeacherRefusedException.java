package dev.lyne.client;

/** Every replica refuses the stream for a reason that no retry mends, as a selection it does not know. */
public final class TeacherRefusedException extends TeacherException {
    private static final long serialVersionUID = 1L;

    TeacherRefusedException(String message) {
        super(message);
    }
}
