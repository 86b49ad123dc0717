package dev.lyne.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;

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
