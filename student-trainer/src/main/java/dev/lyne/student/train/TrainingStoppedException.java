package dev.lyne.student.train;

/** A run did not come to its end: targets are missing, a gradient is not finite, or it was asked to stop. Checkpoints stand. */
public final class TrainingStoppedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TrainingStoppedException(String message) {
        super(message);
    }
}
