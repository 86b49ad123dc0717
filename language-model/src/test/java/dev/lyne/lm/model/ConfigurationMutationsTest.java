package dev.lyne.lm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.lm.weights.SafetensorsModel;
import dev.lyne.lm.weights.SafetensorsWriter;
import dev.lyne.lm.weights.StoredType;
import dev.lyne.lm.weights.TensorEntry;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Every key of a configuration, with values that change the logits where any does, against what `transformers` computed:
 * {@code src/test/python/make_config_mutations.py} made the tables. A row's model either has those logits, or is refused.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class ConfigurationMutationsTest {
    private static final Path TABLES = Path.of("src/test/resources/config-mutations");
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final double NATS = 1e-4;

    @TempDir
    Path directory;

    private final Map<Input, double[][]> computed = new HashMap<>();

    private record Input(String family, int tensors, ModelConfiguration configuration) {}

    /** A row with the table that it is in. */
    record Mutation(String family, JsonNode table, JsonNode row) {
        JsonNode configuration() {
            ObjectNode configuration =
                    (ObjectNode) table.get("base").get("config").deepCopy();
            row.path("remove").forEach(key -> configuration.remove(key.stringValue()));
            row.path("set").properties().forEach(entry -> configuration.set(entry.getKey(), entry.getValue()));
            return configuration;
        }

        /** Keys set or removed. */
        List<String> changed() {
            List<String> keys = new ArrayList<>(row.path("set").propertyNames());
            row.path("remove").forEach(key -> keys.add(key.stringValue()));
            return keys;
        }

        @Override
        public String toString() {
            return family + " " + row.path("set")
                    + (row.path("remove").isEmpty() ? "" : " without " + row.get("remove"));
        }
    }

    static Stream<Mutation> rows() throws IOException {
        List<Mutation> rows = new ArrayList<>();
        try (Stream<Path> files = Files.list(TABLES)) {
            for (Path file : files.sorted().toList()) {
                JsonNode table = JSON.readTree(file);
                String family = file.getFileName().toString().replace(".json", "");
                rows.add(new Mutation(family, table, table.get("base")));
                table.get("rows").forEach(row -> rows.add(new Mutation(family, table, row)));
            }
        }
        assertThat(rows).hasSizeGreaterThan(1000);
        return rows.stream();
    }

    @ParameterizedTest
    @MethodSource("rows")
    void score_mutatedConfiguration_equalsTransformersOrIsRefused(Mutation mutation) throws IOException {
        String outcome = mutation.row().path("outcome").asString("same");
        Files.writeString(directory.resolve("config.json"), JSON.writeValueAsString(mutation.configuration()));
        double[][] actual;
        try {
            actual = score(mutation);
        } catch (IllegalArgumentException e) {
            assertThat(outcome).as(e.getMessage()).isNotEqualTo("same");
            assertThat(e).hasMessageStartingWith(directory.toString()).hasMessageContaining("(expected: ");
            assertThat(e.getMessage()).doesNotContain("\n");
            if (outcome.equals("disagree")) {
                assertThat(e).hasMessageContaining(", but ").hasMessageContaining("two spellings of one setting");
            } else {
                assertThat(mutation.changed()).anySatisfy(key -> assertThat(e).hasMessageContaining(key));
            }
            return;
        }
        if (!outcome.equals("same") && !outcome.equals("differs")) {
            // What transformers does not load for a key that decides nothing is still the model that it was.
            assertThat(outcome).as("served: %s", mutation).isEqualTo("fails");
            assertThat(mutation.changed()).as("served: %s", mutation).allMatch(key -> withoutEffect(mutation, key));
        }
        JsonNode row = outcome.equals("fails") ? mutation.table().get("base") : mutation.row();
        JsonNode expected = mutation.table().get("logits").get(row.get("logits").intValue());
        for (int position = 0; position < actual.length; position++) {
            for (int id = 0; id < actual[position].length; id++) {
                assertThat(actual[position][id])
                        .as("position %d, token %d", position, id)
                        .isCloseTo(expected.get(position).get(id).doubleValue(), within(NATS));
            }
        }
    }

    /** Every key that the family's class knows has a treatment here. */
    @ParameterizedTest
    @ValueSource(strings = {"llama", "mistral", "qwen2", "qwen3", "gpt2", "gpt_neox"})
    void rules_keysOfTheFamilysClass_areAllThere(String family) {
        JsonNode table = JSON.readTree(TABLES.resolve(family + ".json"));
        Set<String> known = ConfigurationKeys.of(Family.of(family)).rules().keySet();
        for (String list : List.of("keys", "generation_keys")) {
            assertThat(table.get(list))
                    .isNotEmpty()
                    .allSatisfy(key -> assertThat(known).contains(key.stringValue()));
        }
    }

    private boolean withoutEffect(Mutation mutation, String key) {
        return ConfigurationKeys.of(Family.of(mutation.family())).rules().get(key) instanceof ConfigurationKeys.Harmless
                || ConfigurationReader.read(directory.resolve("config.json"))
                        .ignored()
                        .contains(key);
    }

    /** The rows that equal configurations compute from equal tensors are computed once. */
    private double[][] score(Mutation mutation) throws IOException {
        int set = mutation.row().get("tensors").intValue();
        Input input = new Input(mutation.family(), set, ModelConfiguration.read(directory));
        double[][] rows = computed.get(input);
        if (rows == null) {
            writeTensors(mutation.table().get("tensors").get(set));
            rows = score(mutation.table());
            computed.put(input, rows);
        }
        return rows;
    }

    private double[][] score(JsonNode table) {
        int[] ids = integers(table.get("ids"));
        int[] positions = integers(table.get("positions"));
        int vocabulary = ModelConfiguration.read(directory).sizes().vocabulary();
        try (ScoringModel model = ScoringModel.load(
                directory, new ModelOptions("cpu", ComputePrecision.FLOAT32, 1), ScoringOptions.of(vocabulary))) {
            RowColumns rows = ((ScoreOutcome.Scored)
                            model.score(List.of(new ScoreItem(ids, positions)), RowContent.topK(vocabulary))
                                    .get(0))
                    .rows();
            double[][] result = new double[positions.length][vocabulary];
            for (int i = 0; i < positions.length * vocabulary; i++) {
                result[i / vocabulary][rows.ids()[i]] = rows.logProbabilities()[i];
            }
            return result;
        }
    }

    private static int[] integers(JsonNode list) {
        return IntStream.range(0, list.size()).map(i -> list.get(i).intValue()).toArray();
    }

    private void writeTensors(JsonNode set) throws IOException {
        List<TensorEntry> tensors = new ArrayList<>();
        for (JsonNode tensor : set.get("tensors")) {
            String name = tensor.get(0).stringValue();
            long[] shape = IntStream.range(1, tensor.size())
                    .mapToLong(i -> tensor.get(i).longValue())
                    .toArray();
            int copies = name.contains("*") ? set.get("layers").intValue() : 1;
            for (int layer = 0; layer < copies; layer++) {
                tensors.add(new TensorEntry(name.replace("*", Integer.toString(layer)), StoredType.F32, shape));
            }
        }
        try (SafetensorsWriter writer =
                SafetensorsWriter.create(directory.resolve(SafetensorsModel.SINGLE_FILE), tensors, Map.of())) {
            for (TensorEntry tensor : tensors) {
                writer.write(tensor.name(), weights(tensor));
            }
            writer.commit();
        }
    }

    /** Numbers that follow from a tensor's name, as the script that made the tables has them. */
    private static ByteBuffer weights(TensorEntry tensor) {
        int seed = 0x811C9DC5;
        for (byte letter : tensor.name().getBytes(StandardCharsets.UTF_8)) {
            seed = (seed ^ letter) * 0x01000193;
        }
        boolean norm = tensor.shape().length == 1 && tensor.name().endsWith(".weight");
        ByteBuffer bytes = ByteBuffer.allocate((int) tensor.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < tensor.elements(); i++) {
            int x = i * 0x9E3779B9 + seed;
            x ^= x >>> 16;
            x *= 0x85EBCA6B;
            x ^= x >>> 13;
            x *= 0xC2B2AE35;
            x ^= x >>> 16;
            double value = (x >>> 12) / (double) (1 << 20) - 0.5;
            bytes.putFloat((float) (norm ? 1 + value / 2 : value));
        }
        return bytes.flip();
    }
}
