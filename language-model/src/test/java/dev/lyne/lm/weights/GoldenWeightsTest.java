package dev.lyne.lm.weights;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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

    /** Older GPT-2 checkpoints are of the bare model, and hold the causal mask. */
    @Test
    void open_namesOfTheBareModel_areTheSameModel() throws Exception {
        Path golden =
                Path.of(GoldenWeightsTest.class.getResource("/golden/gpt2").toURI());
        ModelConfiguration configuration = ModelConfiguration.read(golden);
        SafetensorsModel model = SafetensorsModel.open(golden, configuration);
        List<TensorEntry> bare = new ArrayList<>();
        model.tensors()
                .forEach((name, tensor) ->
                        bare.add(new TensorEntry(name.replace("transformer.", ""), tensor.type(), tensor.shape())));
        bare.add(new TensorEntry("h.0.attn.bias", StoredType.BOOL, new long[] {1, 1, 4, 4}));
        try (SafetensorsWriter writer =
                SafetensorsWriter.create(temporary.resolve(SafetensorsModel.SINGLE_FILE), bare, Map.of())) {
            for (TensorEntry tensor : bare) {
                ByteBuffer bytes = ByteBuffer.allocate((int) tensor.bytes());
                if (tensor.type() != StoredType.BOOL) {
                    model.read("transformer." + tensor.name(), 0, bytes);
                }
                writer.write(tensor.name(), bytes.rewind());
            }
            writer.commit();
        }
        configuration.write(temporary);
        assertThat(digest(temporary)).isEqualTo(digest(golden));
    }

    private static byte[] digest(Path directory) throws Exception {
        ModelConfiguration configuration = ModelConfiguration.read(directory);
        return ModelDigest.of(SafetensorsModel.open(directory, configuration), configuration, ComputePrecision.FLOAT32);
    }
}
