package dev.lyne.cli.demo;

import dev.lyne.load.process.ServerFigures;
import dev.lyne.student.checkpoint.RunState;
import dev.lyne.student.train.RunSummary;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;

/** The demo's closing table. */
final class DemoTable {
    private DemoTable() {}

    static void print(PrintStream out, RunSummary distilled, RunSummary twin, ServerFigures server) {
        double seconds = Math.min(distilled.pace().seconds(), twin.pace().seconds());
        out.println();
        row(out, "", "distilled", "twin");
        row(out, "held-out loss at the last step", nats(last(distilled)), nats(last(twin)));
        row(
                out,
                String.format(Locale.ROOT, "held-out loss after %.0f s", seconds),
                nats(lossAt(distilled.heldOut(), seconds)),
                nats(lossAt(twin.heldOut(), seconds)));
        row(
                out,
                "steps",
                Long.toString(distilled.pace().steps()),
                Long.toString(twin.pace().steps()));
        row(
                out,
                "positions/s",
                number(distilled.pace().positionsPerSecond()),
                number(twin.pace().positionsPerSecond()));
        row(out, "waiting for the teacher", percent(distilled.pace().stallFraction()), "-");
        row(
                out,
                "coverage",
                String.format(Locale.ROOT, "%.3f", distilled.targets().coverage()),
                "-");
        out.printf(
                Locale.ROOT,
                "%nteacher: %,d positions scored, %,d served, %.1f bytes a position; cache: %d hits, %d coalesced, %d misses%n",
                server.positionsScored(),
                server.positionsServed(),
                server.bytesPerPosition(),
                server.hits(),
                server.coalesced(),
                server.misses());
    }

    /** Held-out loss after so much training time, between evaluations in proportion; the last known one past the end. */
    static double lossAt(List<RunState.HeldOut> heldOut, double seconds) {
        RunState.HeldOut before = heldOut.get(0);
        for (RunState.HeldOut point : heldOut) {
            if (point.seconds() >= seconds) {
                double width = point.seconds() - before.seconds();
                double share = width == 0 ? 0 : (seconds - before.seconds()) / width;
                return before.nll() + share * (point.nll() - before.nll());
            }
            before = point;
        }
        return before.nll();
    }

    static double last(RunSummary run) {
        return run.heldOut().get(run.heldOut().size() - 1).nll();
    }

    private static void row(PrintStream out, String name, String distilled, String twin) {
        out.printf("%-32s %14s %14s%n", name, distilled, twin);
    }

    private static String nats(double loss) {
        return String.format(Locale.ROOT, "%.4f", loss);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%,.0f", value);
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.1f %%", 100 * share);
    }
}
