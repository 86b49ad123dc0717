package dev.lyne.wire.capture;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;

/** A capture's file that could not be written, most often because the disk is full; the message names the file and the reason. */
public final class UnwritableCaptureException extends IOException {
    private static final long serialVersionUID = 1L;

    UnwritableCaptureException(Path file, IOException cause) {
        super(file + ": cannot be written: " + reason(cause), cause);
    }

    private static String reason(IOException cause) {
        String reason = cause instanceof FileSystemException failure ? failure.getReason() : cause.getMessage();
        return reason == null ? "permission denied" : reason;
    }
}
