package dev.lyne.lm.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SafetensorsModelTest {
    private static final ModelConfiguration SHAPE = ModelConfiguration.llama(8, 2, 2, 1, 12, 20, 16, 10_000, true);

    @TempDir
    Path directory;

    private final Map<String, TensorEntry> tensors = new LinkedHashMap<>();

    @BeforeEach
    void expectedTensors() {
        SHAPE.expectedTensors()
                .forEach((name, shape) -> tensors.put(name, new TensorEntry(name, StoredType.F32, shape)));
    }

    /** Bytes that depend on the tensor's name alone. */
    private static byte[] content(TensorEntry tensor) {
        byte[] bytes = new byte[(int) tensor.bytes()];
        new Random(tensor.name().hashCode()).nextBytes(bytes);
        return bytes;
    }

    private static void write(Path file, Iterable<TensorEntry> tensors) throws IOException {
        List<TensorEntry> list = new ArrayList<>();
        tensors.forEach(list::add);
        try (SafetensorsWriter writer = SafetensorsWriter.create(file, list, Map.of())) {
            for (TensorEntry tensor : list) {
                writer.write(tensor.name(), ByteBuffer.wrap(content(tensor)));
            }
            writer.commit();
        }
    }

    private Path single() throws IOException {
        Path target = directory.resolve("single");
        write(target.resolve("model.safetensors"), tensors.values());
        return target;
    }

    private Path sharded(Consumer<Map<String, String>> change) throws IOException {
        Path target = directory.resolve("sharded");
        List<TensorEntry> all = new ArrayList<>(tensors.values());
        write(target.resolve("one.safetensors"), all.subList(5, all.size()));
        write(target.resolve("two.safetensors"), all.subList(0, 5));
        Map<String, String> map = new LinkedHashMap<>();
        all.subList(5, all.size()).forEach(tensor -> map.put(tensor.name(), "one.safetensors"));
        all.subList(0, 5).forEach(tensor -> map.put(tensor.name(), "two.safetensors"));
        change.accept(map);
        List<String> lines = new ArrayList<>();
        map.forEach((name, file) -> lines.add("\"" + name + "\": \"" + file + "\""));
        Files.writeString(
                target.resolve("model.safetensors.index.json"),
                "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {" + String.join(", ", lines) + "}}");
        return target;
    }

    private static byte[] digest(Path directory) throws IOException {
        return ModelDigest.of(SafetensorsModel.open(directory, SHAPE), SHAPE, ComputePrecision.FLOAT32);
    }

    @Test
    void digest_shardedAndSingle_isEqual() throws IOException {
        byte[] one = digest(single());
        assertThat(one).hasSize(32);
        assertThat(digest(sharded(map -> {}))).isEqualTo(one);
    }

    @Test
    void digest_derivedOutputMatrix_doesNotMatter() throws IOException {
        byte[] one = digest(single());
        tensors.put("lm_head.weight", new TensorEntry("lm_head.weight", StoredType.F32, new long[] {20, 8}));
        assertThat(digest(single())).isEqualTo(one);
    }

    @Test
    void digest_anythingThatMatters_changesIt() throws IOException {
        Path model = single();
        byte[] one = digest(model);
        SafetensorsModel opened = SafetensorsModel.open(model);
        assertThat(ModelDigest.of(opened, SHAPE, ComputePrecision.BFLOAT16)).isNotEqualTo(one);
        ModelConfiguration otherTheta = ModelConfiguration.llama(8, 2, 2, 1, 12, 20, 16, 20_000, true);
        assertThat(ModelDigest.of(opened, otherTheta, ComputePrecision.FLOAT32)).isNotEqualTo(one);
        byte[] bytes = Files.readAllBytes(model.resolve("model.safetensors"));
        bytes[bytes.length - 1] ^= 1;
        Files.write(model.resolve("model.safetensors"), bytes);
        assertThat(digest(model)).isNotEqualTo(one);
    }

    @Test
    void require_missingTensor_namesFileTensorAndShape() throws IOException {
        tensors.remove("model.norm.weight");
        Path model = single();
        assertThatThrownBy(() -> SafetensorsModel.open(model, SHAPE))
                .hasMessage(model.resolve("model.safetensors")
                        + ": tensor model.norm.weight: missing (expected: shape [8])");
    }

    @Test
    void require_misshapenTensor_namesBothShapes() throws IOException {
        String name = "model.layers.1.mlp.up_proj.weight";
        tensors.put(name, new TensorEntry(name, StoredType.F32, new long[] {8, 12}));
        Path model = single();
        assertThatThrownBy(() -> SafetensorsModel.open(model, SHAPE))
                .hasMessageContaining("tensor " + name + ": shape [8, 12] (expected: [12, 8])");
    }

    @Test
    void require_integerWeight_isRefused() throws IOException {
        tensors.put("model.norm.weight", new TensorEntry("model.norm.weight", StoredType.I32, new long[] {8}));
        Path model = single();
        assertThatThrownBy(() -> SafetensorsModel.open(model, SHAPE))
                .hasMessageContaining("tensor model.norm.weight: type I32 (expected: F32, F16 or BF16)");
    }

    @Test
    void require_tensorThatTheConfigurationDoesNotKnow_isRefused() throws IOException {
        String name = "model.layers.0.self_attn.q_proj.bias";
        tensors.put(name, new TensorEntry(name, StoredType.F32, new long[] {8}));
        Path model = single();
        assertThatThrownBy(() -> SafetensorsModel.open(model, SHAPE))
                .hasMessageContaining(
                        "tensor " + name + ": shape [8] (expected: absent, by config.json of model_type llama)");
    }

    @Test
    void open_indexThatDisagreesWithItsShards_isRefused() throws IOException {
        String name = "model.norm.weight";
        Path moved = sharded(map -> map.put(name, "two.safetensors"));
        assertThatThrownBy(() -> SafetensorsModel.open(moved))
                .hasMessageContaining("two.safetensors: tensor " + name + ": missing (expected: present, by");
        Path left = sharded(map -> map.remove(name));
        assertThatThrownBy(() -> SafetensorsModel.open(left)).hasMessageContaining(name + ": not in the index");
        Path away = sharded(map -> map.put(name, "../one.safetensors"));
        assertThatThrownBy(() -> SafetensorsModel.open(away)).hasMessageContaining("a file beside the index");
        Path absent = sharded(map -> map.put(name, "three.safetensors"));
        assertThatThrownBy(() -> SafetensorsModel.open(absent)).hasMessageContaining("three.safetensors: no such file");
    }

    @Test
    void open_tensorInTwoShards_isRefused() throws IOException {
        Path model = sharded(map -> {});
        List<TensorEntry> all = new ArrayList<>(tensors.values());
        write(model.resolve("two.safetensors"), all.subList(0, 6));
        assertThatThrownBy(() -> SafetensorsModel.open(model))
                .hasMessageContaining("two.safetensors: tensor " + all.get(5).name() + ": a duplicate");
    }

    @Test
    void open_noWeights_namesWhatIsExpected() {
        assertThatThrownBy(() -> SafetensorsModel.open(directory))
                .hasMessage(directory + ": no weights (expected: model.safetensors or model.safetensors.index.json)");
    }
}
