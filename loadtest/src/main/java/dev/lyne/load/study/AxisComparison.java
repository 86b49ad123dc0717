package dev.lyne.load.study;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The points of an axis compared with its baseline. Seeds are blocks: students of one seed share initialisation and order, so a point
 * and a seed each have an effect, and the rest is noise, of the same spread everywhere. Its variance is estimated from all points
 * together with (points − 1)(seeds − 1) degrees of freedom; each difference from the baseline is put to a two-sided t test with it, and
 * the probabilities of an axis are raised for their number (Holm 1979).
 */
public final class AxisComparison {
    /** A difference is told from none below this probability. */
    public static final double LEVEL = 0.05;

    /**
     * A point.
     *
     * @param values one a seed
     * @param spread standard deviation over the seeds; NaN of one
     * @param difference mean over the seeds of the difference from the baseline
     * @param probability of such a difference where there is none, raised for the number of comparisons; NaN where it cannot be told,
     *     and of the baseline
     * @param detectable smallest difference that would be told from none if it were the axis's only one; NaN where none can be
     */
    public record Row(
            double[] values, double mean, double spread, double difference, double probability, double detectable) {
        /** Whether the difference from the baseline can be told from none. */
        public boolean isDistinguishable() {
            return probability < LEVEL;
        }
    }

    /**
     * Points that are compared with each other.
     *
     * @param values of each point one a seed
     * @param baseline number of the point that the others are compared with
     */
    public record Group(List<double[]> values, int baseline) {}

    private AxisComparison() {}

    /** Compares the points of an axis that is one group. */
    public static List<Row> of(List<double[]> values, int baseline) {
        return of(List.of(new Group(values, baseline))).get(0);
    }

    /** Compares the points of an axis, each group by its own noise; all its comparisons count together. */
    public static List<List<Row>> of(List<Group> groups) {
        int comparisons =
                groups.stream().mapToInt(group -> group.values().size() - 1).sum();
        List<double[]> probabilities =
                groups.stream().map(AxisComparison::probabilities).toList();
        holm(probabilities);
        List<List<Row>> rows = new ArrayList<>();
        for (int i = 0; i < groups.size(); i++) {
            rows.add(rows(groups.get(i), probabilities.get(i), comparisons));
        }
        return rows;
    }

    private static int freedom(Group group) {
        return (group.values().size() - 1) * (group.values().get(0).length - 1);
    }

    /** Standard deviation of a difference. */
    private static double error(Group group) {
        return Math.sqrt(
                noise(group.values(), freedom(group)) * 2 / group.values().get(0).length);
    }

    private static double[] probabilities(Group group) {
        List<double[]> values = group.values();
        int freedom = freedom(group);
        double error = error(group);
        double[] probabilities = new double[values.size()];
        for (int i = 0; i < probabilities.length; i++) {
            double difference = difference(values.get(i), values.get(group.baseline()));
            probabilities[i] = i == group.baseline() || freedom == 0
                    ? Double.NaN
                    : difference == 0 ? 1 : StudentT.twoSided(difference / error, freedom);
        }
        return probabilities;
    }

    private static List<Row> rows(Group group, double[] probabilities, int comparisons) {
        List<double[]> values = group.values();
        int seeds = values.get(0).length;
        int freedom = freedom(group);
        double error = error(group);
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < values.size(); i++) {
            double[] own = values.get(i);
            double mean = Arrays.stream(own).average().orElse(Double.NaN);
            double squares =
                    Arrays.stream(own).map(v -> (v - mean) * (v - mean)).sum();
            rows.add(new Row(
                    own,
                    mean,
                    seeds == 1 ? Double.NaN : Math.sqrt(squares / (seeds - 1)),
                    difference(own, values.get(group.baseline())),
                    probabilities[i],
                    freedom == 0 ? Double.NaN : error * StudentT.critical(LEVEL / comparisons, freedom)));
        }
        return rows;
    }

    /** Variance of what neither point nor seed explains. */
    private static double noise(List<double[]> values, int freedom) {
        int seeds = values.get(0).length;
        double whole = values.stream().flatMapToDouble(Arrays::stream).average().orElse(Double.NaN);
        double squares = 0;
        for (double[] own : values) {
            double point = Arrays.stream(own).average().orElse(Double.NaN);
            for (int s = 0; s < seeds; s++) {
                int seed = s;
                double ofSeed =
                        values.stream().mapToDouble(v -> v[seed]).average().orElse(Double.NaN);
                double rest = own[s] - point - ofSeed + whole;
                squares += rest * rest;
            }
        }
        return squares / freedom;
    }

    private static double difference(double[] own, double[] baseline) {
        return IntStream.range(0, own.length)
                .mapToDouble(s -> own[s] - baseline[s])
                .average()
                .orElse(Double.NaN);
    }

    /** Raises probabilities: the least of n counts n times, the next n − 1 times, and none is below one before it. */
    private static void holm(List<double[]> probabilities) {
        record Place(int group, int point) {}
        List<Place> order = new ArrayList<>();
        for (int group = 0; group < probabilities.size(); group++) {
            for (int point = 0; point < probabilities.get(group).length; point++) {
                if (!Double.isNaN(probabilities.get(group)[point])) {
                    order.add(new Place(group, point));
                }
            }
        }
        order.sort(Comparator.comparingDouble(place -> probabilities.get(place.group())[place.point()]));
        double before = 0;
        for (int rank = 0; rank < order.size(); rank++) {
            double[] own = probabilities.get(order.get(rank).group());
            int point = order.get(rank).point();
            before = Math.max(before, Math.min(1, own[point] * (order.size() - rank)));
            own[point] = before;
        }
    }
}
