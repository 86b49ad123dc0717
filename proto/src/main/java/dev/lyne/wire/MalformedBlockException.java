package dev.lyne.wire;

/** Bytes that are not a target block: truncated, damaged, of another version, or out of range. */
public final class MalformedBlockException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    MalformedBlockException(String message) {
        super("target block: " + message);
    }
}
