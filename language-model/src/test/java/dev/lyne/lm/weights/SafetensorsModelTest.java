package dev.lyne.lm.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.RotaryEmbedding;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SafetensorsModelTest {
    private static final ModelConfiguration SHAPE =
            ModelConfiguration.llama(new ModelConfiguration.Sizes(20, 16, 8, 2), 2, 1, 12, 10_000, true);

    @TempDir
    Path directory;

    private final Map<String, TensorEntry> tensors = new LinkedHashMap<>();
    private final Map<String, String> same = new HashMap<>();
    private final Map<String, Consumer<ByteBuffer>> changes = new HashMap<>();

    @BeforeEach
    void expectedTensors() {
        SHAPE.expectedTensors()
                .forEach((name, shape) -> tensors.put(name, new TensorEntry(name, StoredType.F32, shape)));
    }

    /** Bytes that depend on the tensor's name, or on the one that it is the same as, and on what was changed. */
    private byte[] content(TensorEntry tensor) {
        byte[] bytes = new byte[(int) tensor.bytes()];
        new Random(same.getOrDefault(tensor.name(), tensor.name()).hashCode()).nextBytes(bytes);
        changes.getOrDefault(tensor.name(), any -> {})
                .accept(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
        return bytes;
    }

    private void write(Path file, Iterable<TensorEntry> tensors) throws IOException {
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
    void digest_equalOutputMatrixOfATiedModel_doesNotMatter() throws IOException {
        byte[] one = digest(single());
        same.put("lm_head.weight", "model.embed_tokens.weight");
        tensors.put("lm_head.weight", new TensorEntry("lm_head.weight", StoredType.F32, new long[] {20, 8}));
        assertThat(digest(single())).isEqualTo(one);
    }

    @Test
    void digest_outputMatrixAloneOfATiedModel_isTheEmbedding() throws IOException {
        byte[] one = digest(single());
        same.put("lm_head.weight", "model.embed_tokens.weight");
        tensors.remove("model.embed_tokens.weight");
        tensors.put("lm_head.weight", new TensorEntry("lm_head.weight", StoredType.F32, new long[] {20, 8}));
        assertThat(digest(single())).isEqualTo(one);
    }

    @Test
    void open_otherOutputMatrixOfATiedModel_namesTheFirstElementAndBothValues() throws IOException {
        tensors.put("lm_head.weight", new TensorEntry("lm_head.weight", StoredType.F32, new long[] {20, 8}));
        changes.put("lm_head.weight", bytes -> bytes.putFloat(4 * (3 * 8 + 5), 1.5f));
        changes.put("model.embed_tokens.weight", bytes -> bytes.putFloat(4 * (3 * 8 + 5), -1.5f));
        same.put("lm_head.weight", "model.embed_tokens.weight");
        Path model = single();
        assertThatThrownBy(() -> SafetensorsModel.open(model, SHAPE))
                .hasMessage(
                        model.resolve("model.safetensors") + ": tensor lm_head.weight: element [3, 5]: 1.5 (expected:"
                                + " -1.5, as in model.embed_tokens.weight: tie_word_embeddings is true)");
        Path shards = sharded(map -> {});
        assertThatThrownBy(() -> SafetensorsModel.open(shards, SHAPE))
                .hasMessageContaining("one.safetensors: tensor lm_head.weight: element [3, 5]: 1.5 (expected: -1.5");
    }

    @Test
    void open_outputMatrixOfAnotherShapeOrType_isRefused() throws IOException {
        tensors.put("lm_head.weight", new TensorEntry("lm_head.weight", StoredType.F32, new long[] {8, 20}));
        Path turned = single();
        assertThatThrownBy(() -> SafetensorsModel.open(turned, SHAPE))
                .hasMessageContaining("tensor lm_head.weight: shape [8, 20] (expected: [20, 8], as in");
        tensors.put("lm_head.weight", new TensorEntry("lm_head.weight", StoredType.F64, new long[] {20, 8}));
        Path wide = single();
        assertThatThrownBy(() -> SafetensorsModel.open(wide, SHAPE))
                .hasMessageContaining("tensor lm_head.weight: type F64 (expected: F32, F16 or BF16)");
    }

    @Test
    void open_roundedOutputMatrixOfATiedModel_isTheSame() throws IOException {
        byte[] one = digest(single());
        TensorEntry embedding = new TensorEntry("model.embed_tokens.weight", StoredType.F32, new long[] {20, 8});
        TensorEntry head = new TensorEntry("lm_head.weight", StoredType.BF16, new long[] {20, 8});
        tensors.put("lm_head.weight", head);
        changes.put("lm_head.weight", bytes -> {
            ByteBuffer values = ByteBuffer.wrap(content(embedding)).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < head.elements(); i++) {
                bytes.putShort(2 * i, StoredFloats.toBfloat16(values.getFloat(4 * i)));
            }
        });
        assertThat(digest(single())).isEqualTo(one);
        changes.put("lm_head.weight", bytes -> {});
        Path other = single();
        assertThatThrownBy(() -> SafetensorsModel.open(other, SHAPE)).hasMessageContaining("element [0, 0]: ");
    }

    @Test
    void open_rotaryFrequencies_areThoseOfTheConfiguration() throws IOException {
        float[] frequencies = RotaryEmbedding.of(SHAPE.rotation()).inverseFrequencies();
        String name = "model.layers.1.self_attn.rotary_emb.inv_freq";
        tensors.put(name, new TensorEntry(name, StoredType.F32, new long[] {frequencies.length}));
        Consumer<ByteBuffer> right = bytes -> {
            for (int i = 0; i < frequencies.length; i++) {
                bytes.putFloat(4 * i, frequencies[i]);
            }
        };
        changes.put(name, right);
        assertThat(SafetensorsModel.open(single(), SHAPE).tensors()).containsKey(name);
        changes.put(name, right.andThen(bytes -> bytes.putFloat(4, frequencies[1] * 1.0001f)));
        Path model = single();
        assertThatThrownBy(() -> SafetensorsModel.open(model, SHAPE))
                .hasMessageContaining("tensor " + name + ": element [1]: ")
                .hasMessageContaining("(expected: " + frequencies[1] + ", by the rotary settings of config.json)");
    }

    @Test
    void open_bareModel_isTheSame() throws IOException {
        byte[] one = digest(single());
        List<TensorEntry> prefixed = List.copyOf(tensors.values());
        tensors.clear();
        for (TensorEntry tensor : prefixed) {
            String bare = tensor.name().replaceFirst("^model\\.", "");
            same.put(bare, tensor.name());
            tensors.put(bare, new TensorEntry(bare, tensor.type(), tensor.shape()));
        }
        assertThat(digest(single())).isEqualTo(one);
    }

    @Test
    void open_pointerOfGitLfs_isNamed() throws IOException {
        Path model = single();
        Path file = model.resolve("model.safetensors");
        Files.writeString(file, "version https://git-lfs.example/spec/v1\noid sha256:00\nsize 7\n");
        assertThatThrownBy(() -> SafetensorsModel.open(model, SHAPE))
                .hasMessageStartingWith(file + ": a Git LFS pointer of ");
    }

    @Test
    void require_doublePrecisionWeight_isRefused() throws IOException {
        tensors.put("model.norm.weight", new TensorEntry("model.norm.weight", StoredType.F64, new long[] {8}));
        Path model = single();
        assertThatThrownBy(() -> SafetensorsModel.open(model, SHAPE))
                .hasMessageContaining("tensor model.norm.weight: type F64 (expected: F32, F16 or BF16)");
    }

    @Test
    void digest_anythingThatMatters_changesIt() throws IOException {
        Path model = single();
        byte[] one = digest(model);
        SafetensorsModel opened = SafetensorsModel.open(model);
        assertThat(ModelDigest.of(opened, SHAPE, ComputePrecision.BFLOAT16)).isNotEqualTo(one);
        ModelConfiguration otherTheta =
                ModelConfiguration.llama(new ModelConfiguration.Sizes(20, 16, 8, 2), 2, 1, 12, 20_000, true);
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
