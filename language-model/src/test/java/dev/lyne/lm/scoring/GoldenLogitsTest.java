package dev.lyne.lm.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Whole rows of every golden checkpoint against the logits that `transformers` computed. */
final class GoldenLogitsTest {
    private static final Path GOLDEN = Path.of("src/test/resources/golden");

    @TestFactory
    Stream<DynamicTest> score_goldenCheckpointInFloat32_agreesWithTransformers() throws IOException {
        return tests(ComputePrecision.FLOAT32, 5e-5, 1e-5);
    }

    @TestFactory
    Stream<DynamicTest> score_goldenCheckpointInFloat16_agreesRoughly() throws IOException {
        return tests(ComputePrecision.FLOAT16, 0.3, 0.02);
    }

    @TestFactory
    Stream<DynamicTest> score_goldenCheckpointInBfloat16_agreesRoughly() throws IOException {
        return tests(ComputePrecision.BFLOAT16, 4, 0.1);
    }

    private static Stream<DynamicTest> tests(ComputePrecision precision, double greatest, double mean)
            throws IOException {
        try (Stream<Path> directories = Files.list(GOLDEN)) {
            return directories.sorted().toList().stream()
                    .map(directory -> DynamicTest.dynamicTest(
                            directory.getFileName().toString(), () -> check(directory, precision, greatest, mean)));
        }
    }

    private static void check(Path directory, ComputePrecision precision, double greatest, double mean) {
        JsonNode golden = JsonMapper.builder().build().readTree(directory.resolve("golden.json"));
        int vocabulary = ModelConfiguration.read(directory).vocabularySize();
        List<ScoreItem> items = new ArrayList<>();
        for (JsonNode sequence : golden.get("sequences")) {
            int[] ids = IntStream.range(0, sequence.get("ids").size())
                    .map(i -> sequence.get("ids").get(i).asInt())
                    .toArray();
            items.add(new ScoreItem(ids, IntStream.range(0, ids.length).toArray()));
        }
        double sum = 0;
        int count = 0;
        try (ScoringModel model =
                ScoringModel.load(directory, new ModelOptions("cpu", precision, 0), ScoringOptions.of(vocabulary))) {
            List<ScoreOutcome> outcomes =
                    model.score(items, RowSelection.topK(vocabulary)); // differing lengths: padded
            for (int i = 0; i < items.size(); i++) {
                SelectedRows rows = ((ScoreOutcome.Scored) outcomes.get(i)).rows();
                for (int row = 0; row < rows.rows(); row++) {
                    JsonNode logits =
                            golden.get("sequences").get(i).get("logits").get(row);
                    double[] expected = LogRows.logSoftmax(IntStream.range(0, vocabulary)
                            .mapToDouble(id -> logits.get(id).asDouble())
                            .toArray());
                    for (int entry = 0; entry < vocabulary; entry++) {
                        int id = rows.ids()[row * vocabulary + entry];
                        double actual = rows.logProbabilities()[row * vocabulary + entry];
                        assertThat(actual)
                                .as("sequence %d, position %d, token %d", i, row, id)
                                .isCloseTo(expected[id], within(greatest));
                        sum += Math.abs(actual - expected[id]);
                        count++;
                    }
                }
            }
        }
        assertThat(sum / count).as("mean difference").isLessThan(mean);
    }
}
