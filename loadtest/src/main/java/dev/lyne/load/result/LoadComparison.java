package dev.lyne.load.result;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import org.HdrHistogram.Histogram;

/**
 * Two results side by side, step by step. The intervals of a step are resampled with replacement, in blocks of neighbours since
 * neighbours are alike (moving-block bootstrap, Künsch 1989); a difference whose interval of confidence leaves out zero is called one.
 */
public final class LoadComparison {
    private static final int RESAMPLES = 1_000;
    private static final double LEVEL = 0.95;

    private LoadComparison() {}

    /**
     * One figure of one step.
     *
     * @param a the first result's
     * @param b the second result's
     * @param change b over a, less 1
     * @param low lower end of the interval of confidence of the change, 95 %
     * @param high its upper end
     * @param differs whether the interval leaves out 0
     */
    public record Line(
            String step, String figure, double a, double b, double change, double low, double high, boolean differs) {
        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "%-24s %-18s %,14.2f %,14.2f  %+7.1f %%  [%+.1f %%, %+.1f %%]%s",
                    step,
                    figure,
                    a,
                    b,
                    change * 100,
                    low * 100,
                    high * 100,
                    differs ? "" : "  no difference shown");
        }
    }

    private record Interval(double seconds, long positions, long bytes, Histogram latencyMicros) {}

    private record Figure(String name, ToDoubleFunction<List<Interval>> value) {}

    private static final List<Figure> FIGURES = List.of(
            new Figure("positions/s", all -> sum(all, Interval::positions) / sum(all, Interval::seconds)),
            new Figure("bytes/position", all -> sum(all, Interval::bytes) / sum(all, Interval::positions)),
            new Figure("latency p50, ms", all -> percentile(all, 50)),
            new Figure("latency p99, ms", all -> percentile(all, 99)),
            new Figure("latency p99.9, ms", all -> percentile(all, 99.9)));

    /**
     * Compares steps of equal labels.
     *
     * @throws IllegalArgumentException where no label is in both, or a step has fewer than 5 intervals
     */
    public static List<Line> of(LoadResult a, LoadResult b, long seed) {
        List<Line> lines = new ArrayList<>();
        for (StepResult one : a.steps()) {
            b.steps().stream()
                    .filter(other -> other.label().equals(one.label()))
                    .findFirst()
                    .ifPresent(other -> lines.addAll(compare(one, other, seed)));
        }
        if (lines.isEmpty()) {
            throw new IllegalArgumentException(
                    "steps " + a.steps().stream().map(StepResult::label).toList() + " and "
                            + b.steps().stream().map(StepResult::label).toList()
                            + " (expected: at least one of the same label)");
        }
        return lines;
    }

    private static List<Line> compare(StepResult a, StepResult b, long seed) {
        List<Interval> first = intervals(a);
        List<Interval> second = intervals(b);
        var random = new SplittableRandom(seed);
        double[][] changes = new double[FIGURES.size()][RESAMPLES];
        for (int i = 0; i < RESAMPLES; i++) {
            List<Interval> resampledFirst = resample(first, random);
            List<Interval> resampledSecond = resample(second, random);
            for (int figure = 0; figure < FIGURES.size(); figure++) {
                ToDoubleFunction<List<Interval>> value = FIGURES.get(figure).value();
                changes[figure][i] = change(value.applyAsDouble(resampledFirst), value.applyAsDouble(resampledSecond));
            }
        }
        List<Line> lines = new ArrayList<>();
        for (int figure = 0; figure < FIGURES.size(); figure++) {
            // A resample of nothing but seconds without an answer has no rate to compare.
            double[] sorted = Arrays.stream(changes[figure])
                    .filter(Double::isFinite)
                    .sorted()
                    .toArray();
            ToDoubleFunction<List<Interval>> value = FIGURES.get(figure).value();
            double one = value.applyAsDouble(first);
            double other = value.applyAsDouble(second);
            if (sorted.length == 0 || !Double.isFinite(change(one, other))) {
                continue;
            }
            double low = sorted[(int) (sorted.length * (1 - LEVEL) / 2)];
            double high = sorted[(int) (sorted.length * (1 + LEVEL) / 2)];
            lines.add(new Line(
                    a.label(),
                    FIGURES.get(figure).name(),
                    one,
                    other,
                    change(one, other),
                    low,
                    high,
                    low > 0 || high < 0));
        }
        return lines;
    }

    private static double change(double one, double other) {
        return one == other ? 0 : other / one - 1;
    }

    private static List<Interval> intervals(StepResult step) {
        if (step.intervals().size() < 5) {
            throw new IllegalArgumentException("step " + step.label() + ": "
                    + step.intervals().size() + " intervals (expected: at least 5 s, for an interval of confidence)");
        }
        return step.intervals().stream()
                .map(interval -> new Interval(
                        interval.seconds(),
                        interval.positions(),
                        interval.bytes(),
                        Histograms.read(interval.latencyHistogram())))
                .toList();
    }

    private static List<Interval> resample(List<Interval> all, SplittableRandom random) {
        int block = Math.max(1, (int) Math.round(Math.cbrt(all.size())));
        List<Interval> drawn = new ArrayList<>(all.size());
        while (drawn.size() < all.size()) {
            int start = random.nextInt(all.size());
            for (int i = 0; i < block && drawn.size() < all.size(); i++) {
                drawn.add(all.get((start + i) % all.size()));
            }
        }
        return drawn;
    }

    private static double sum(List<Interval> intervals, ToDoubleFunction<Interval> value) {
        return intervals.stream().mapToDouble(value).sum();
    }

    private static double percentile(List<Interval> intervals, double percentile) {
        Histogram sum = new Histogram(2);
        intervals.forEach(interval -> sum.add(interval.latencyMicros()));
        return sum.getValueAtPercentile(percentile) / 1e3;
    }
}
