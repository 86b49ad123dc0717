package dev.lyne.student.train;

/** Training cannot go on: targets are missing, or a gradient is not finite. The last checkpoint stands. */
public final class TrainingStoppedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TrainingStoppedException(String message) {
        super(message);
    }
}
