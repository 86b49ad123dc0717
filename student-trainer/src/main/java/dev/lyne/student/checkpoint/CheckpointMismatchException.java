package dev.lyne.student.checkpoint;

import java.io.IOException;

/** A checkpoint that is damaged, or of another run than the one that would go on from it; names both values. */
public final class CheckpointMismatchException extends IOException {
    private static final long serialVersionUID = 1L;

    public CheckpointMismatchException(String message) {
        super(message);
    }
}
