package dev.lyne.student.corpus;

import java.io.IOException;

/** A corpus that cannot be read; the message names file and line, the value, and what is expected. */
public final class CorpusException extends IOException {
    private static final long serialVersionUID = 1L;

    public CorpusException(String message) {
        super(message);
    }
}
