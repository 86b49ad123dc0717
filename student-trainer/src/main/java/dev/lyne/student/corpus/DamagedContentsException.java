package dev.lyne.student.corpus;

import java.io.IOException;

/** Compressed data that is not what was written; the message names the byte of the file. */
final class DamagedContentsException extends IOException {
    private static final long serialVersionUID = 1L;

    DamagedContentsException(String message) {
        super(message);
    }
}
