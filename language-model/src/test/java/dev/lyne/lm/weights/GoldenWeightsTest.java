package dev.lyne.lm.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Checkpoints that transformers wrote hold exactly the tensors their configuration leads to expect. */
final class GoldenWeightsTest {
    @TempDir
    Path temporary;

    @Test
    void open_everyGoldenCheckpoint_holdsWhatItsConfigurationExpects() throws Exception {
        Path golden = Path.of(GoldenWeightsTest.class.getResource("/golden").toURI());
        try (Stream<Path> directories = Files.list(golden)) {
            List<Path> checkpoints = directories.toList();
            assertThat(checkpoints).hasSizeGreaterThan(10);
            for (Path checkpoint : checkpoints) {
                ModelConfiguration configuration = ModelConfiguration.read(checkpoint);
                SafetensorsModel model = SafetensorsModel.open(checkpoint, configuration);
                StoredType stored = StoredType.ofTorchName(configuration.storedType());
                assertThat(model.tensors().values()).allMatch(tensor -> tensor.type() == stored);
            }
        }
    }

    @Test
    void digest_rewrittenGoldenCheckpoint_isTheSame() throws Exception {
        Path golden = Path.of(GoldenWeightsTest.class.getResource("/golden").toURI());
        try (Stream<Path> directories = Files.list(golden)) {
            for (Path checkpoint : directories.toList()) {
                Path copy = temporary.resolve(checkpoint.getFileName().toString());
                RewriteGolden.rewrite(checkpoint, copy);
                assertThat(digest(copy)).isEqualTo(digest(checkpoint));
            }
        }
    }

    /** Older checkpoints are of the bare model, and hold the causal mask; newer versions of transformers have one name for the head. */
    @ParameterizedTest
    @CsvSource({
        "gpt2, transformer., h.0.attn",
        "gpt-neox-options, gpt_neox., layers.1.attention",
        "gpt-neox, gpt_neox., layers.0.attention"
    })
    void open_namesOfTheBareModel_areTheSameModel(String golden, String prefix, String attention) throws Exception {
        Path checkpoint = golden(golden);
        writeBare(checkpoint, prefix, attention, new byte[] {1, 0, 0, 1, 1, 0, 1, 1, 1});
        assertThat(digest(temporary)).isEqualTo(digest(checkpoint));
    }

    @Test
    void open_maskThatIsNotCausal_namesElementAndValues() throws Exception {
        writeBare(golden("gpt2"), "transformer.", "h.0.attn", new byte[] {1, 0, 0, 1, 1, 0, 0, 1, 1});
        assertThatThrownBy(() -> digest(temporary))
                .hasMessageContaining(
                        "model.safetensors: tensor h.0.attn.bias: element [0, 0, 2, 0]: 0.0 (expected: 1.0");
    }

    @Test
    void open_maskedValueThatHidesNothing_isRefused() throws Exception {
        maskedValue = -5;
        writeBare(golden("gpt2"), "transformer.", "h.0.attn", new byte[] {1});
        assertThatThrownBy(() -> digest(temporary))
                .hasMessageContaining("tensor h.0.attn.masked_bias: element []: -5.0 (expected: -10000.0 or less");
    }

    private float maskedValue = -1e9f;

    private static Path golden(String name) throws Exception {
        return Path.of(GoldenWeightsTest.class.getResource("/golden/" + name).toURI());
    }

    private void writeBare(Path golden, String prefix, String attention, byte[] mask) throws Exception {
        ModelConfiguration configuration = ModelConfiguration.read(golden);
        SafetensorsModel model = SafetensorsModel.open(golden, configuration);
        Map<TensorEntry, ByteBuffer> bare = new LinkedHashMap<>();
        for (TensorEntry tensor : model.tensors().values()) {
            ByteBuffer bytes = ByteBuffer.allocate((int) tensor.bytes());
            model.read(tensor.name(), 0, bytes);
            String name = tensor.name().replace(prefix, "").replace("embed_out", "lm_head");
            bare.put(new TensorEntry(name, tensor.type(), tensor.shape()), bytes.rewind());
        }
        long extent = (long) Math.sqrt(mask.length);
        bare.put(
                new TensorEntry(attention + ".bias", StoredType.BOOL, new long[] {1, 1, extent, extent}),
                ByteBuffer.wrap(mask));
        bare.put(
                new TensorEntry(attention + ".masked_bias", StoredType.F32, new long[0]),
                ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(0, maskedValue));
        try (SafetensorsWriter writer = SafetensorsWriter.create(
                temporary.resolve(SafetensorsModel.SINGLE_FILE), List.copyOf(bare.keySet()), Map.of())) {
            for (Map.Entry<TensorEntry, ByteBuffer> tensor : bare.entrySet()) {
                writer.write(tensor.getKey().name(), tensor.getValue());
            }
            writer.commit();
        }
        configuration.write(temporary);
    }

    private static byte[] digest(Path directory) throws Exception {
        ModelConfiguration configuration = ModelConfiguration.read(directory);
        return ModelDigest.of(SafetensorsModel.open(directory, configuration), configuration, ComputePrecision.FLOAT32);
    }
}
