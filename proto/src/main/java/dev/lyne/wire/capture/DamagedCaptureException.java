package dev.lyne.wire.capture;

import java.io.IOException;
import java.nio.file.Path;

/** A capture's file that is not what was written; the message names the file, the place in it, what is there and what should be. */
public final class DamagedCaptureException extends IOException {
    private static final long serialVersionUID = 1L;

    DamagedCaptureException(Path file, String reason) {
        super(file + ": " + reason);
    }

    DamagedCaptureException(Path file, long offset, String reason) {
        super(file + ": at byte " + offset + ": " + reason);
    }
}
