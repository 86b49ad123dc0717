package dev.lyne.lm.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import dev.lyne.lm.engine.ProductKernels;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.model.OutputLayer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The output layer fused with the loss: what becomes of its products, and in which precision gradients add up. */
final class OutputLayerTest {
    private static final int ROWS = 600;

    /** The hidden state is one and the same in all rows, so that the gradient of a logit tells the logit. */
    @Test
    void loss_biasScaleAndSoftcap_areOfTheLogits() {
        ModelConfiguration shape =
                Objects.requireNonNull(TinyModels.withOutputLayers().get("bias, scale and softcap of the logits"));
        OutputLayer output = shape.output();
        try (TrainableModel model = new TrainableModel(
                shape,
                shape.sizes().vocabulary(),
                ToyTask.FLOAT32,
                ToyTask.OPTIMIZER,
                LossScript.crossEntropy(),
                new TrainableModel.Numerics(DataType.FLOAT64, ProductKernels.TORCH))) {
            model.tensors().initialize(3);
            double[] bias = IntStream.range(0, shape.sizes().vocabulary())
                    .mapToDouble(i -> 0.3 * i - 2)
                    .toArray();
            model.tensors().setWeight("lm_head.bias", bias);
            model.tensors()
                    .setWeight(
                            "lm_head.weight",
                            new double
                                    [shape.sizes().vocabulary() * shape.sizes().hidden()]);
            double[] logits = Arrays.stream(bias)
                    .map(b -> output.softcap() * Math.tanh(b * output.scale() / output.softcap()))
                    .toArray();
            double total = Arrays.stream(logits).map(Math::exp).sum();
            int label = 5;
            double[] sums = model.accumulate(batch(1, label));
            assertThat(sums[0]).isEqualTo(Math.log(total) - logits[label], within(1e-12));
            double[] gradient = model.tensors().gradient("lm_head.bias");
            for (int i = 0; i < logits.length; i++) {
                double slope = output.scale() * (1 - Math.pow(logits[i] / output.softcap(), 2));
                double expected = (Math.exp(logits[i]) / total - (i == label ? 1 : 0)) * slope;
                assertThat(gradient[i]).as("id %d", i).isEqualTo(expected, within(1e-12));
            }
            assertThat(model.negativeLogLikelihood(batch(1, label))).isEqualTo(sums[0], within(1e-12));
        }
    }

    /**
     * The same row over and over, one a chunk: added up in bfloat16, a sum would stop growing at 256 times its parts.
     */
    @Test
    void accumulate_bfloat16AndManyChunks_addsInFloat32() {
        ModelOptions narrow = new ModelOptions("cpu", ComputePrecision.BFLOAT16, 0);
        OptimizerOptions oneRowAChunk = new OptimizerOptions(0.9, 0.95, 1e-8, 0.1, 1, 1);
        ModelConfiguration shape = TinyModels.llama(false);
        try (TrainableModel model = TrainableModel.create(shape, 5, narrow, oneRowAChunk, LossScript.crossEntropy())) {
            model.accumulate(batch(1, 5));
            double[] one = model.tensors().gradient("lm_head.weight");
            model.accumulate(batch(ROWS - 1, 5));
            double[] all = model.tensors().gradient("lm_head.weight");
            double largest = Arrays.stream(one).map(Math::abs).max().orElseThrow();
            assertThat(largest).isGreaterThan(0.1);
            for (int i = 0; i < all.length; i++) {
                assertThat(all[i]).as("element %d", i).isEqualTo(ROWS * one[i], within(ROWS * largest * 1e-5));
            }
        }
    }

    @Test
    void export_outputLayerThatNoConfigurationCanSay_isRefused(@TempDir Path directory) {
        ModelConfiguration shape =
                Objects.requireNonNull(TinyModels.withOutputLayers().get("softcap of the logits"));
        try (TrainableModel model = ToyTask.model(shape, ToyTask.OPTIMIZER)) {
            assertThatThrownBy(() -> model.export(directory, "float32"))
                    .hasMessageContaining("output: OutputLayer[bias=false, scale=1.0, softcap=2.0] (expected: ");
        }
    }

    /** Sequences of two tokens, all the same. */
    private static TrainingBatch batch(int rows, int label) {
        float[] weights = new float[rows];
        Arrays.fill(weights, 1);
        return new TrainingBatch(
                Collections.nCopies(rows, new int[] {2, label}),
                List.copyOf(Collections.nCopies(rows, new int[] {0})),
                Map.of("data_weight", new Column.Floats(weights, 1)));
    }
}
