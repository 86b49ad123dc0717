package dev.lyne.lm.weights;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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

    private static byte[] digest(Path directory) throws Exception {
        ModelConfiguration configuration = ModelConfiguration.read(directory);
        return ModelDigest.of(SafetensorsModel.open(directory, configuration), configuration, ComputePrecision.FLOAT32);
    }
}
