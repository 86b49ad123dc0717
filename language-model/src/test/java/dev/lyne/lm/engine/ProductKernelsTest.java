package dev.lyne.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.lyne.lm.engine.ProductKernels.Product;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ProductKernelsTest {
    private static final ModelOptions CPU = new ModelOptions("cpu", ComputePrecision.FLOAT32, 0);
    private static final ModelConfiguration SHAPE =
            ModelConfiguration.llama(new ModelConfiguration.Sizes(300, 64, 256, 2), 4, 2, 704, 10_000, true);
    private static final WeightLayout LAYOUT = WeightLayout.merged(SHAPE);

    @Test
    void products_ofALlama_areItsLayersAndItsOutput() {
        assertThat(ProductKernels.products(SHAPE, 290, WeightLayout.asStored(SHAPE)))
                .containsExactlyInAnyOrder(
                        new Product(256, 256, false),
                        new Product(128, 256, false),
                        new Product(704, 256, false),
                        new Product(256, 704, false),
                        new Product(290, 256, false));
    }

    @Test
    void products_ofMergedWeights_areTheMergedOnes() {
        assertThat(ProductKernels.products(SHAPE, 290, LAYOUT))
                .containsExactlyInAnyOrder(
                        new Product(512, 256, false),
                        new Product(256, 256, false),
                        new Product(704, 256, false),
                        new Product(256, 704, false),
                        new Product(290, 256, false));
    }

    @Test
    void measure_anyProcessor_choosesAmongThem() {
        assertThat(ProductKernels.products(SHAPE, 300, LAYOUT))
                .containsAll(ProductKernels.measure(SHAPE, 300, CPU, LAYOUT).oneDnn());
    }

    /** Replicas have to agree on it, be they started among other work: what disturbs the first products decides nothing. */
    @Test
    void isFaster_firstTimesDisturbed_isDecidedByThoseThatAreNot() {
        long[] oneDnn = {90, 80, 75, 85, 70, 77, 60, 55, 20, 70, 20, 20, 21, 20, 20, 22, 20, 20};
        int[] next = {0};
        assertThat(ProductKernels.isFaster(() -> oneDnn[Math.min(next[0]++, oneDnn.length - 1)], () -> 19))
                .isTrue();
        long[] torch = {90, 80, 75, 85, 70, 77, 60, 55, 10, 70, 10, 10};
        next[0] = 0;
        assertThat(ProductKernels.isFaster(() -> 19, () -> torch[Math.min(next[0]++, torch.length - 1)]))
                .isFalse();
    }

    @Test
    void isFaster_timesNeverSettle_ends() {
        long[] time = {1L << 60};
        assertThat(ProductKernels.isFaster(() -> time[0] /= 1.1, () -> time[0])).isTrue();
    }

    @Test
    void measure_bfloat16_isTorchs() {
        assertThat(ProductKernels.measure(SHAPE, 300, new ModelOptions("cpu", ComputePrecision.BFLOAT16, 0), LAYOUT))
                .isEqualTo(ProductKernels.TORCH);
    }

    /** Plain and transposed weights, with a bias and without, many rows and few: both kernels, within float32's rounding. */
    @Test
    void product_byOneDnn_isThatOfTorch() {
        for (boolean transposed : new boolean[] {false, true}) {
            var kernels = new ProductKernels(List.of(new Product(96, 80, transposed)));
            try (Script oneDnn = script(kernels);
                    Script torch = script(ProductKernels.TORCH);
                    NDManager memory = torch.newManager()) {
                for (int rows : new int[] {1, 63, 64, 200}) {
                    NDArray x = memory.randomNormal(new Shape(rows, 80));
                    NDArray stored = memory.randomNormal(transposed ? new Shape(80, 96) : new Shape(96, 80));
                    NDArray weight = transposed ? stored.transpose() : stored;
                    NDArray scratch = memory.zeros(new Shape(rows, 96));
                    float[] expected = run(torch, x, weight, scratch);
                    float[] actual = run(oneDnn, x, weight, scratch);
                    for (int i = 0; i < expected.length; i++) {
                        assertThat(actual[i]).isCloseTo(expected[i], within(1e-4f));
                    }
                }
            }
        }
    }

    /** Sums, activations and gates that oneDNN computes as it writes its results, against PyTorch's own of the plain product. */
    @Test
    void product_withWhatFollows_isThatOfTorch() {
        String calls = String.join(
                "\n",
                "  def follow(self, x: Tensor, w: Tensor, v: Tensor, b: Tensor, y: Tensor) -> Tensor:",
                "    return torch.cat([self.product_onto(x, w, b, y), self.product_onto(x, w, None, y),",
                "        self.gelu_product(x, w, b, True), self.gelu_product(x, w, b, False),",
                "        self.gated_product(x, w, b, v, None), self.gated_product(x, w, None, v, b)])");
        var kernels = new ProductKernels(List.of(new Product(96, 80, false)));
        try (Script oneDnn = Script.load(List.of(kernels.methods(), calls), kernels.constants(), CPU);
                Script torch = Script.load(
                        List.of(ProductKernels.TORCH.methods(), calls), ProductKernels.TORCH.constants(), CPU);
                NDManager memory = torch.newManager()) {
            for (int rows : new int[] {3, 64, 130}) {
                List<NDArray> arguments = List.of(
                        memory.randomNormal(new Shape(rows, 80)),
                        memory.randomNormal(new Shape(96, 80)),
                        memory.randomNormal(new Shape(96, 80)),
                        memory.randomNormal(new Shape(96)),
                        memory.randomNormal(new Shape(rows, 96)));
                float[] expected = follow(torch, arguments);
                float[] actual = follow(oneDnn, arguments);
                for (int i = 0; i < expected.length; i++) {
                    assertThat(actual[i]).isCloseTo(expected[i], within(1e-4f + 1e-5f * Math.abs(expected[i])));
                }
            }
        }
    }

    /** The rounding of what goes in, of weights and of what comes out is within 2^-9 each of values up to 4. */
    @Test
    void attention_bfloat16InBlocks_isThatOf64Bits() {
        String calls = String.join(
                "\n",
                "  def difference(self, x: Tensor) -> Tensor:",
                "    some = x.to(15)",
                "    wide = some.to(7)",
                "    a = self.attend_in_blocks(some[:, :6], some[:, 6:8], some[:, 8:], 2)",
                "    b = self.attend_sequences(wide[:, :6], wide[:, 6:8], wide[:, 8:], [150, 150], 0)",
                "    return (a.to(7) - b).abs().max().to(6).unsqueeze(0)");
        try (Script script = Script.load(
                        List.of(ProductKernels.TORCH.methods(), calls), ProductKernels.TORCH.constants(), CPU);
                NDManager memory = script.newManager();
                InferenceCall call = script.inference("difference")) {
            NDArray x = memory.randomNormal(new Shape(300, 10, 64)).clip(-4, 4);
            assertThat(call.tensor(x).run().singletonOrThrow().toFloatArray()[0])
                    .isBetween(1e-6f, 0.02f);
        }
    }

    private static float[] follow(Script script, List<NDArray> arguments) {
        try (InferenceCall call = script.inference("follow")) {
            arguments.forEach(call::tensor);
            return call.run().singletonOrThrow().toFloatArray();
        }
    }

    private static Script script(ProductKernels kernels) {
        return Script.load(List.of(kernels.methods()), kernels.constants(), CPU);
    }

    private static float[] run(Script script, NDArray x, NDArray weight, NDArray scratch) {
        try (InferenceCall call = script.inference("product_in")) {
            return call.tensor(x)
                    .tensor(weight)
                    .tensor(scratch)
                    .run()
                    .singletonOrThrow()
                    .toFloatArray();
        }
    }
}
