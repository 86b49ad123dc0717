package dev.lyne.lm.weights;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.lm.model.ModelConfiguration;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Checkpoints that transformers wrote hold exactly the tensors their configuration leads to expect. */
final class GoldenWeightsTest {
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
}
