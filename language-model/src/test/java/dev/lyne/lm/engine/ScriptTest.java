package dev.lyne.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.types.Shape;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

final class ScriptTest {
    private static final ModelOptions CPU = new ModelOptions("cpu", ComputePrecision.FLOAT32, 0);

    @Test
    void load_constants_reachTheScript() {
        String method = String.join(
                "\n",
                "  def numbers(self, x: Tensor) -> Tensor:",
                "    return x + torch.tensor([float(self.count), self.share, float(self.windows[1])])");
        Map<String, Object> constants =
                new TreeMap<>(Map.of("count", -70_000L, "share", 1e-5, "windows", List.of(0L, 5L)));
        try (Script script = Script.load(List.of(method), constants, CPU);
                InferenceCall call = script.inference("numbers")) {
            float[] numbers =
                    call.tensor(call.manager().zeros(new Shape(3))).run().get(0).toFloatArray();
            assertThat(numbers).containsExactly(-70_000f, 1e-5f, 5f);
        }
    }

    @Test
    void load_deviceThatIsNotThere_isRefusedInOneLine() {
        ModelOptions options = new ModelOptions("cuda:999", ComputePrecision.FLOAT32, 0);
        assertThatThrownBy(() -> Script.load(List.of(), Map.of(), options))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("device: cuda:999 (expected: cpu")
                .hasMessageMatching("[^\\n]+");
    }

    @Test
    void load_sourceThatDoesNotCompile_namesTheLine() {
        assertThatThrownBy(() -> Script.load(List.of("  def wrong(self) -> int:\n    return nothing"), Map.of(), CPU))
                .hasMessageContaining("undefined value nothing");
    }

    @Test
    void training_gradients_areComputedOnAnyThread() throws InterruptedException {
        String method = String.join(
                "\n",
                "  def slope(self, x: Tensor) -> Tensor:",
                "    leaf = x.detach().requires_grad_()",
                "    gradient = torch.autograd.grad([(leaf * leaf).sum()], [leaf])[0]",
                "    assert gradient is not None",
                "    return gradient");
        try (Script script = Script.load(List.of(method), Map.of(), CPU)) {
            float[] slopes = new float[2];
            Thread other = new Thread(() -> slopes[1] = slope(script));
            slopes[0] = slope(script);
            other.start();
            other.join();
            assertThat(slopes).containsExactly(6f, 6f);
        }
    }

    private static float slope(Script script) {
        try (TrainingCall call = script.training("slope")) {
            return call.tensor(call.manager().create(new float[] {3}))
                    .run()
                    .get(0)
                    .toFloatArray()[0];
        }
    }

    @Test
    void bfloat16_ofProcessorFlags_attendsInBlocksWhereThereAreNoTiles() {
        assertThat(Processor.attendsInBlocks("avx512f avx512_bf16")).isTrue();
        assertThat(Processor.attendsInBlocks("avx512f avx512_bf16 amx_bf16 amx_tile"))
                .isFalse();
        assertThat(Processor.attendsInBlocks("avx512f")).isFalse();
        assertThat(Processor.hasBfloat16Tiles("avx512f avx512_bf16 amx_bf16 amx_tile"))
                .isTrue();
        assertThat(Processor.hasBfloat16Tiles("avx512f avx512_bf16 amx_tile")).isFalse();
    }

    @Test
    void capability_ofProcessorFlags_followsPyTorchsRule() {
        assertThat(Processor.capability("fpu sse2 avx2 fma")).isEqualTo("AVX2");
        assertThat(Processor.capability("avx2 fma avx512f avx512vl avx512bw avx512dq"))
                .isEqualTo("AVX512");
        assertThat(Processor.capability("avx2 fma avx512f")).isEqualTo("AVX2");
        assertThat(Processor.capability("sse2 sse2")).isEqualTo("DEFAULT");
        assertThat(Processor.capability("")).isEqualTo("DEFAULT");
    }
}
