package dev.lyne.lm.files;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;

/** A file that could not be written, most often because the disk is full; the message names the file and the reason. */
public final class UnwritableFileException extends IOException {
    private static final long serialVersionUID = 1L;

    public UnwritableFileException(Path file, IOException cause) {
        super(file + ": cannot be written: " + reason(cause), cause);
    }

    private static String reason(IOException cause) {
        if (cause instanceof FileSystemException failure) {
            String reason = failure.getReason();
            return reason == null ? "permission denied" : reason;
        }
        String message = cause.getMessage();
        return message == null ? "no reason given" : message;
    }
}
