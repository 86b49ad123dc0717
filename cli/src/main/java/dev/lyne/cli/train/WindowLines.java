package dev.lyne.cli.train;

import dev.lyne.cli.common.LinePace;
import java.io.PrintStream;

/** How many windows are done, on stderr: a line that is written anew on a terminal, else one every few seconds and one at the end. */
final class WindowLines {
    private final PrintStream err;
    private final boolean terminal = System.console() != null;
    private final LinePace lines = new LinePace();

    WindowLines(PrintStream err) {
        this.err = err;
    }

    void update(long done, long total) {
        if (terminal) {
            err.printf("\r%,d of %,d windows%s", done, total, done == total ? "\n" : "");
        } else if (done == total || lines.due()) {
            err.printf("%,d of %,d windows%n", done, total);
        }
    }
}
