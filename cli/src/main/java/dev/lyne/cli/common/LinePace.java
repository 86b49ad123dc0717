package dev.lyne.cli.common;

/** Keeps lines of progress apart by a few seconds. One thread, or a lock of its user's. */
public final class LinePace {
    private static final long NANOS_BETWEEN_LINES = 5_000_000_000L;

    private long lastLine = System.nanoTime() - NANOS_BETWEEN_LINES;

    /** Whether the next line may be written; then that counts as done. */
    public boolean due() {
        long now = System.nanoTime();
        if (now - lastLine < NANOS_BETWEEN_LINES) {
            return false;
        }
        lastLine = now;
        return true;
    }
}
