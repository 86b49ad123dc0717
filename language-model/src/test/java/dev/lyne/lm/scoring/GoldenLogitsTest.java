package dev.lyne.lm.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.lm.engine.ProductKernels;
import dev.lyne.lm.engine.WeightLayout;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Whole rows of every golden checkpoint against the logits that `transformers` computed. */
final class GoldenLogitsTest {
    private static final Path GOLDEN = Path.of("src/test/resources/golden");

    /** How often a batch holds each sequence: enough rows for every kernel. */
    private static final int COPIES = 3;

    @TestFactory
    Stream<DynamicTest> score_goldenCheckpointInFloat32_agreesWithTransformers() throws IOException {
        return tests(ComputePrecision.FLOAT32, GoldenLogitsTest::torch, 5e-5, 1e-5);
    }

    @TestFactory
    Stream<DynamicTest> score_goldenCheckpointByOneDnn_agreesWithTransformers() throws IOException {
        return tests(
                ComputePrecision.FLOAT32,
                shape -> ProductKernels.allOneDnn(shape, WeightLayout.merged(shape)),
                5e-5,
                1e-5);
    }

    @TestFactory
    Stream<DynamicTest> score_goldenCheckpointInFloat16_agreesRoughly() throws IOException {
        return tests(ComputePrecision.FLOAT16, GoldenLogitsTest::torch, 0.3, 0.02);
    }

    @TestFactory
    Stream<DynamicTest> score_goldenCheckpointInBfloat16_agreesRoughly() throws IOException {
        return tests(ComputePrecision.BFLOAT16, GoldenLogitsTest::torch, 4, 0.1);
    }

    private static ProductKernels torch(ModelConfiguration configuration) {
        return ProductKernels.TORCH;
    }

    private static Stream<DynamicTest> tests(
            ComputePrecision precision,
            Function<ModelConfiguration, ProductKernels> products,
            double greatest,
            double mean)
            throws IOException {
        try (Stream<Path> directories = Files.list(GOLDEN)) {
            return directories.sorted().toList().stream()
                    .map(directory -> DynamicTest.dynamicTest(
                            directory.getFileName().toString(),
                            () -> check(directory, precision, products, greatest, mean)));
        }
    }

    private static void check(
            Path directory,
            ComputePrecision precision,
            Function<ModelConfiguration, ProductKernels> products,
            double greatest,
            double mean) {
        JsonNode golden = JsonMapper.builder().build().readTree(directory.resolve("golden.json"));
        ModelConfiguration configuration = ModelConfiguration.read(directory);
        int vocabulary = configuration.sizes().vocabulary();
        List<ScoreItem> items = new ArrayList<>();
        for (JsonNode sequence : golden.get("sequences")) {
            int[] ids = IntStream.range(0, sequence.get("ids").size())
                    .map(i -> sequence.get("ids").get(i).asInt())
                    .toArray();
            items.add(new ScoreItem(ids, IntStream.range(0, ids.length).toArray()));
        }
        int sequences = items.size();
        for (int copy = 1; copy < COPIES; copy++) {
            items.addAll(items.subList(0, sequences));
        }
        double sum = 0;
        int count = 0;
        try (ScoringModel model = ScoringModel.load(
                directory,
                configuration,
                new ModelOptions("cpu", precision, 0),
                ScoringOptions.of(vocabulary),
                () -> products.apply(configuration))) {
            List<ScoreOutcome> outcomes = model.score(items, RowContent.topK(vocabulary)); // differing lengths: padded
            for (int i = 0; i < sequences; i++) {
                RowColumns rows = ((ScoreOutcome.Scored) outcomes.get(i)).rows();
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
