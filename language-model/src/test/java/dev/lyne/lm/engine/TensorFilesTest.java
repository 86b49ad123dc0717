package dev.lyne.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.weights.SafetensorsFile;
import dev.lyne.lm.weights.SafetensorsWriter;
import dev.lyne.lm.weights.StoredFloats;
import dev.lyne.lm.weights.StoredType;
import dev.lyne.lm.weights.TensorEntry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class TensorFilesTest {
    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16"})
    void write_thenRead_inManySlices_keepsWhatTheTypeHolds(StoredType type, @TempDir Path directory)
            throws IOException {
        float[] values = new float[7 * 11];
        Random random = new Random(1);
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        TensorEntry entry = new TensorEntry("t", type, new long[] {7, 11});
        Path file = directory.resolve("t.safetensors");
        try (Script script = Script.load(
                        List.of(ScriptSource.TENSORS.methods()),
                        Map.of(),
                        new ModelOptions("cpu", ComputePrecision.FLOAT32, 0));
                NamedTensors tensors = new NamedTensors("w", script.newManager())) {
            TensorFiles files = new TensorFiles(script, 40); // 10 or 20 of 77 elements a slice
            NDArray source = tensors.manager().create(values, new Shape(7, 11));
            try (SafetensorsWriter writer = SafetensorsWriter.create(file, List.of(entry), Map.of())) {
                files.write(entry, source, writer);
                writer.commit();
            }
            SafetensorsFile written = SafetensorsFile.open(file);
            NDArray target = files.empty(tensors, entry.shape(), ComputePrecision.FLOAT32.torchScalarType());
            files.read(entry, (offset, into) -> written.read("t", offset, into), target);
            assertThat(target.getShape()).isEqualTo(new Shape(7, 11));
            assertThat(target.toFloatArray()).containsExactly(rounded(values, type));
        }
    }

    /** 65,504 is float16's largest; what rounds to it is kept, and what rounds to infinity is refused, each way. */
    @Test
    void float16_weightBeyondItsRange_isRefusedWithTensorElementAndValue(@TempDir Path directory) throws IOException {
        try (Script script = Script.load(
                        List.of(ScriptSource.TENSORS.methods()),
                        Map.of(),
                        new ModelOptions("cpu", ComputePrecision.FLOAT32, 0));
                NamedTensors tensors = new NamedTensors("w", script.newManager())) {
            TensorFiles files = new TensorFiles(script, 8); // 2 of float32 or 4 of float16 a slice
            float[] within = {1, -65_504, 65_519, 0, 3, 4, 5, 6};
            float[] beyond = within.clone();
            beyond[5] = -65_520;
            NDArray held = tensors.manager().create(within, new Shape(8));
            NDArray lost = tensors.manager().create(beyond, new Shape(8));
            TensorEntry half = new TensorEntry("t", StoredType.F16, new long[] {8});
            Path file = directory.resolve("half.safetensors");
            try (SafetensorsWriter writer = SafetensorsWriter.create(file, List.of(half), Map.of())) {
                files.write(half, held, writer);
                writer.commit();
            }
            Path none = directory.resolve("none.safetensors");
            try (SafetensorsWriter writer = SafetensorsWriter.create(none, List.of(half), Map.of())) {
                assertThatThrownBy(() -> files.write(half, lost, writer))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage("tensor t: -65520.0 at element 5 (expected: finite as F16, so at most 65504.0 in"
                                + " magnitude; the stored types bfloat16 and float32 hold more)");
            }
            assertThat(none).doesNotExist();

            for (StoredType type : List.of(StoredType.F32, StoredType.BF16)) {
                TensorEntry wide = new TensorEntry("t", type, new long[] {8});
                Path source = directory.resolve(type + ".safetensors");
                try (SafetensorsWriter writer = SafetensorsWriter.create(source, List.of(wide), Map.of())) {
                    files.write(wide, lost, writer);
                    writer.commit();
                }
                SafetensorsFile written = SafetensorsFile.open(source);
                NDArray target = files.empty(tensors, wide.shape(), ComputePrecision.FLOAT16.torchScalarType());
                // In bfloat16 65,504 is 65,536 already.
                String first = type == StoredType.F32 ? "-65520.0 at element 5" : "-65536.0 at element 1";
                assertThatThrownBy(() -> files.read(wide, (offset, into) -> written.read("t", offset, into), target))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage("tensor t: " + first + " (expected: at most 65504.0 in magnitude in float16;"
                                + " bfloat16 and float32 hold more)");
            }
        }
    }

    private static float[] rounded(float[] values, StoredType type) {
        float[] out = values.clone();
        for (int i = 0; i < out.length; i++) {
            out[i] = switch (type) {
                case F16 -> StoredFloats.fromFloat16(StoredFloats.toFloat16(out[i]));
                case BF16 -> StoredFloats.fromBfloat16(StoredFloats.toBfloat16(out[i]));
                default -> out[i];
            };
        }
        return out;
    }
}
