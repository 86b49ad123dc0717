package dev.lyne.lm.model;

/**
 * Where and how a model runs.
 *
 * @param device {@code cpu} or {@code cuda:N}
 * @param precision format of the matrix products
 * @param threads threads of one operator on the CPU; 0 leaves the engine's default
 */
public record ModelOptions(String device, ComputePrecision precision, int threads) {
    public ModelOptions {
        if (!device.equals("cpu") && !device.matches("cuda:\\d{1,3}")) {
            throw new IllegalArgumentException("device: " + device + " (expected: cpu or cuda:N)");
        }
        if (threads < 0) {
            throw new IllegalArgumentException("threads: " + threads + " (expected: 0 or more)");
        }
    }
}
