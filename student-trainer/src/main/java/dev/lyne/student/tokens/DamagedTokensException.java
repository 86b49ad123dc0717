package dev.lyne.student.tokens;

import java.io.IOException;

/** A token store whose files are not what its manifest says. */
final class DamagedTokensException extends IOException {
    private static final long serialVersionUID = 1L;

    DamagedTokensException(String message) {
        super(message);
    }
}
