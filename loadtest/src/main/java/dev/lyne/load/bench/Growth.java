package dev.lyne.load.bench;

import java.util.List;

/**
 * How a rate changes as one thing grows, beside what bounds it.
 *
 * @param device name of the processor or GPU
 * @param bestProductGflops 10^9 operations a second of the best float32 product
 * @param results one sweep a thing that grows
 */
public record Growth(String device, int threads, double bestProductGflops, List<Sweep> results) {
    /** Share of its limit from which on a rate is said to be bounded by it. */
    static final double BOUND = 0.5;

    /**
     * One thing that grows.
     *
     * @param name parameters, length, entries, vocabulary, students, hits or replicas
     * @param limit what bounds it, in words
     */
    public record Sweep(String name, String axis, String limit, List<Point> points) {
        /**
         * Returns the length at which the limit takes over: the least value at which half of it is reached, or empty
         * where nothing reaches that.
         */
        public String limitTakesOverAt() {
            return points.stream()
                    .filter(point -> point.shareOfLimit() >= BOUND)
                    .map(Point::label)
                    .findFirst()
                    .orElse("");
        }
    }

    /**
     * One value of it.
     *
     * @param label the value, as people say it
     * @param limitPositionsPerSecond what bounds the rate there
     */
    public record Point(
            String label,
            double value,
            double positionsPerSecond,
            double limitPositionsPerSecond,
            double shareOfLimit) {
        static Point of(String label, double value, double positionsPerSecond, double limitPositionsPerSecond) {
            return new Point(
                    label,
                    value,
                    positionsPerSecond,
                    limitPositionsPerSecond,
                    positionsPerSecond / limitPositionsPerSecond);
        }
    }
}
