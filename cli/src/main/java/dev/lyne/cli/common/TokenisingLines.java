package dev.lyne.cli.common;

import java.io.PrintStream;
import java.util.HashMap;
import java.util.Map;
import java.util.function.LongSupplier;

/** Lines that say how far tokenising is: for each text one every few seconds, and one at its end. One thread. */
public final class TokenisingLines {
    private static final long NANOS_BETWEEN_LINES = 5_000_000_000L;
    private static final long NANOS_BEFORE_LAST_LINE = 1_000_000_000L;

    private final PrintStream err;
    private final LongSupplier nanoTime;
    private final Map<String, Line> lines = new HashMap<>();

    /** Moment when a text was last told of, or, where nothing was printed yet, first heard of. */
    private record Line(long nanos, boolean printed) {}

    public TokenisingLines(PrintStream err, LongSupplier nanoTime) {
        this.err = err;
        this.nanoTime = nanoTime;
    }

    public void update(String what, long doneBytes, long totalBytes) {
        long now = nanoTime.getAsLong();
        Line last = lines.computeIfAbsent(what, text -> new Line(now, false));
        long since = now - last.nanos();
        boolean due = doneBytes == totalBytes
                ? !last.printed() || since >= NANOS_BEFORE_LAST_LINE
                : since >= NANOS_BETWEEN_LINES;
        if (due) {
            err.printf("tokenising %s: %,d of %,d bytes%n", what, doneBytes, totalBytes);
            lines.put(what, new Line(now, true));
        }
    }
}
