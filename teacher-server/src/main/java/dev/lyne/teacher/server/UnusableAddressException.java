package dev.lyne.teacher.server;

import java.io.IOException;

/** An address that a server cannot listen on. */
public final class UnusableAddressException extends IOException {
    private static final long serialVersionUID = 1;

    UnusableAddressException(IOException cause) {
        super(cause.getMessage(), cause);
    }
}
