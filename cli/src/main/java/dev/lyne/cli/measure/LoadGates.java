package dev.lyne.cli.measure;

import dev.lyne.load.result.LoadResult;
import dev.lyne.load.result.StepResult;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The bounds that a load test has to keep for the command to exit with 0. */
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class LoadGates {
    @Option(
            names = "--max-failures",
            defaultValue = "1%",
            paramLabel = "SHARE",
            description =
                    "Fail where more of the sequences that were due fail or stay unanswered, 0..1 or per cent"
                            + " (default: ${DEFAULT-VALUE}). The step at which a ramp finds the server saturated does not count.")
    private String maxFailures;

    @Option(
            names = "--max-p99-ms",
            paramLabel = "MS",
            description = "Fail where the p99 latency of a step is longer, ms, but for a ramp's saturated step"
                    + " (default: no bound).")
    private @Nullable Double maxP99Millis;

    @Option(
            names = "--min-positions-per-second",
            paramLabel = "N",
            description = "Fail where no step reaches so many positions a second (default: no bound).")
    private @Nullable Double minPositionsPerSecond;

    @Option(names = "--unjudged", hidden = true, description = "Of a part whose whole is judged.")
    private boolean unjudged;

    /** Refuses bounds that cannot be meant. */
    void requirePossible() {
        double unused = failureBound();
        requirePositive("--max-p99-ms", maxP99Millis);
        requirePositive("--min-positions-per-second", minPositionsPerSecond);
    }

    private static void requirePositive(String option, @Nullable Double value) {
        if (value != null && !(value > 0 && value < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(option + ": " + value + " (expected: above 0)");
        }
    }

    private double failureBound() {
        boolean perCent = maxFailures.endsWith("%");
        try {
            double value = Double.parseDouble(
                    perCent ? maxFailures.substring(0, maxFailures.length() - 1).strip() : maxFailures);
            double share = perCent ? value / 100 : value;
            if (share >= 0 && share <= 1) {
                return share;
            }
        } catch (NumberFormatException e) {
            throw wrongShare();
        }
        throw wrongShare();
    }

    private IllegalArgumentException wrongShare() {
        return new IllegalArgumentException(
                "--max-failures: " + maxFailures + " (expected: a share 0..1, or per cent such as 5%)");
    }

    /** Returns the bounds that the load missed, a line each; empty where it kept every one. */
    List<String> missed(LoadResult result) {
        List<String> missed = new ArrayList<>();
        if (unjudged) {
            return missed;
        }
        if (result.steps().stream().mapToLong(step -> step.counts().sequences()).sum() == 0) {
            missed.add("nothing was answered" + reasons(result));
            return missed;
        }
        if (result.failureShare() > failureBound()) {
            missed.add(String.format(
                    Locale.ROOT,
                    "%.2f %% of the sequences failed or stayed unanswered (expected: at most %s %%, --max-failures)%s",
                    100 * result.failureShare(),
                    new DecimalFormat("0.####", DecimalFormatSymbols.getInstance(Locale.ROOT))
                            .format(100 * failureBound()),
                    reasons(result)));
        }
        if (maxP99Millis != null) {
            for (StepResult step : result.steps()) {
                if (result.isSaturated(step)) {
                    continue;
                }
                double p99 = step.timing().latencyMillis().getOrDefault("p99", 0.0);
                if (step.counts().sequences() == 0) {
                    missed.add(step.label() + ": no latency, since nothing was answered (expected: at most "
                            + maxP99Millis + " ms, --max-p99-ms)");
                } else if (p99 > maxP99Millis) {
                    missed.add(String.format(
                            Locale.ROOT,
                            "%s: p99 latency %.1f ms (expected: at most %.1f, --max-p99-ms)",
                            step.label(),
                            p99,
                            maxP99Millis));
                }
            }
        }
        if (minPositionsPerSecond != null && result.best().answered().positionsPerSecond() < minPositionsPerSecond) {
            missed.add(String.format(
                    Locale.ROOT,
                    "%,.0f positions/s at the best step (expected: at least %,.0f, --min-positions-per-second)",
                    result.best().answered().positionsPerSecond(),
                    minPositionsPerSecond));
        }
        return missed;
    }

    private static String reasons(LoadResult result) {
        Map<String, String> reasons = new TreeMap<>();
        result.steps()
                .forEach(step -> step.interruptions()
                        .refusalMessages()
                        .forEach((reason, message) -> reasons.putIfAbsent(reason, reason + ": " + message)));
        return reasons.isEmpty() ? "" : "; " + String.join("; ", reasons.values());
    }
}
