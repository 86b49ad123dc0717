package dev.lyne.files;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A file that could not be written, most often because the disk is full; the message names the file and the reason. */
public final class UnwritableFileException extends IOException {
    private static final long serialVersionUID = 1L;

    public UnwritableFileException(Path file, IOException cause) {
        super(file + ": cannot be written: " + reason(cause), cause);
    }

    /** Returns in words what went wrong: the message, with a reason where it is the name of a file alone. */
    public static String describe(IOException failure) {
        return failure instanceof FileSystemException of && of.getReason() == null && of.getFile() != null
                ? of.getFile() + ": " + reason(failure)
                : failure.getMessage() == null ? reason(failure) : failure.getMessage();
    }

    private static String reason(IOException cause) {
        if (cause instanceof FileSystemException failure) {
            String reason = failure.getReason();
            return reason != null
                    ? reason
                    : failure instanceof NoSuchFileException
                            ? "no such file"
                            : failure instanceof FileAlreadyExistsException ? "it exists already" : "permission denied";
        }
        String message = cause.getMessage();
        return message == null ? "no reason given" : message;
    }
}
