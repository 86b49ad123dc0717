package dev.lyne.cli.measure;

import dev.lyne.load.run.Progress;
import java.io.PrintStream;

/** Says how a load test goes on, a line a second; on a terminal they replace one another. */
final class LoadProgress implements Progress {
    private final PrintStream out;
    private final boolean terminal = System.console() != null;

    LoadProgress(PrintStream out) {
        this.out = out;
    }

    @Override
    public void tell(Look look) {
        String line = String.format(
                "%s %4.0f s%s: %,.0f positions/s, %,.2f MB/s, %,d unanswered",
                look.step(),
                look.seconds(),
                look.warm() ? "" : " (warm-up)",
                look.positionsPerSecond(),
                look.bytesPerSecond() / 1e6,
                look.unanswered());
        if (terminal) {
            out.print("\r\u001b[K" + line + (look.warm() ? "" : " "));
            out.flush();
        } else {
            out.println(line);
        }
    }
}
