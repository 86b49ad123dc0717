package dev.lyne.lm.training;

import dev.lyne.lm.model.Architecture;
import dev.lyne.lm.model.ModelConfiguration;
import java.util.Arrays;
import java.util.Random;

/**
 * Random weights of a new model: normal with deviation 0.02, matrices that lead back into the residual stream 0.02/√(2·layers)
 * (GPT-2), norms 1, biases 0. {@link Random}'s algorithm is fixed by its specification, so a seed gives the same weights on
 * every machine and JDK.
 */
final class WeightInitialization {
    private static final double DEVIATION = 0.02;

    private final Random random;
    private final Architecture architecture;
    private final double residualDeviation;

    WeightInitialization(ModelConfiguration configuration, long seed) {
        this.random = new Random(seed);
        this.architecture = configuration.architecture();
        this.residualDeviation =
                DEVIATION / Math.sqrt(2.0 * configuration.sizes().layers());
    }

    /** Values of the next tensor; the order of the calls is part of what the seed decides. */
    float[] next(String name, long[] shape) {
        long size = 1;
        for (long extent : shape) {
            size = Math.multiplyExact(size, extent);
        }
        float[] values = new float[Math.toIntExact(size)];
        if (name.endsWith(".bias")) {
            return values;
        }
        if (shape.length == 1) { // a norm
            Arrays.fill(values, 1f);
            return values;
        }
        double deviation = architecture.isResidual(name) ? residualDeviation : DEVIATION;
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (random.nextGaussian() * deviation);
        }
        return values;
    }
}
