package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Benchmarks at their smallest, with the real processes: that they run, and that what they count adds up. No speed is judged. */
final class BenchCommandsTest {
    @TempDir
    private Path directory;

    @BeforeAll
    static void findTheExample() {
        System.setProperty("lyne.home", "..");
    }

    private JsonNode bench(String... arguments) throws IOException {
        Path json = directory.resolve("figures.json");
        List<String> all = Stream.concat(
                        Stream.of("bench"), Stream.concat(Stream.of(arguments), Stream.of("--json", json.toString())))
                .toList();
        assertThat(Lyne.commandLine().execute(all.toArray(String[]::new))).isZero();
        return JsonMapper.shared().readTree(Files.readString(json));
    }

    @Test
    void serve_countsWhatTheStudentsTook() throws IOException {
        JsonNode figures = bench(
                "serve", "--students", "2", "--tokens", "24", "--sequences", "4", "--rounds", "1", "--hit-mib", "1");
        assertThat(figures.get("positions_per_round").asInt()).isEqualTo(2 * 4 * 23);
        assertThat(figures.get("served_over_forward").asDouble()).isPositive();
        assertThat(figures.get("hit_bytes_over_bare_stream").asDouble()).isPositive();
        assertThat(figures.get("hit_over_cold").asDouble()).isPositive();
        assertThat(figures.get("message_bytes").asInt()).isBetween(23, 23 * 64 * 8 + 200);
    }

    @Test
    void selections_keepWhatTheyAreNamedFor() throws IOException {
        JsonNode figures = bench("selections", "--sequences", "1", "--rounds", "1");
        double vocabulary = figures.get("vocabulary_size").asDouble();
        Map<String, Double> entries = new HashMap<>();
        figures.get("selections").forEach(cost -> {
            assertThat(cost.get("seconds_over_top64").asDouble()).isPositive();
            entries.put(
                    cost.get("selection").asString(),
                    cost.get("entries_per_position").asDouble());
        });
        assertThat(entries)
                .containsEntry("top-64", 64.0)
                .containsEntry("top 5 % of the vocabulary", Math.ceil(vocabulary / 20))
                .containsEntry("top 100 % of the vocabulary", vocabulary)
                .containsEntry("64 chosen ids", 64.0)
                .containsEntry("label alone", 0.0);
        assertThat(entries.get("50 draws")).isBetween(2.0, 50.0);
        assertThat(entries.get("top-12 and 50 draws")).isBetween(14.0, 62.0);
    }

    @Test
    void operators_sharesOfEachAddUp() throws IOException {
        JsonNode figures =
                bench("operators", "--shapes", "demo", "--precisions", "float32", "--steps", "demo", "--rounds", "1");
        Map<String, Double> shares = new HashMap<>();
        Map<String, List<String>> operators = new HashMap<>();
        figures.get("results").forEach(line -> {
            String work = line.get("work").asString();
            String operator = line.get("operator").asString();
            operators.computeIfAbsent(work, any -> new ArrayList<>()).add(operator);
            if (!operator.equals("all")) {
                shares.merge(work, line.get("share").asDouble(), Double::sum);
            }
        });
        assertThat(shares).containsOnlyKeys("forward", "step");
        assertThat(shares.values()).allSatisfy(sum -> assertThat(sum).isCloseTo(1, within(1e-9)));
        assertThat(operators.get("forward")).contains("aten::topk", "others", "all");
        assertThat(operators.get("step"))
                .contains("aten::_scaled_dot_product_flash_attention_for_cpu_backward", "others", "all");
    }

    @Test
    void length_memoryIsNoSquareOfIt() throws IOException {
        JsonNode lines = bench("length", "--lengths", "1024,4096").get("results");
        assertThat(lines.get(1).get("tokens").asInt()).isEqualTo(4_096);
        assertThat(lines.get(1).get("tokens_per_second").asDouble()).isPositive();
        // The scores of four heads would be 256 MiB, were they ever whole.
        assertThat(lines.get(1).get("memory_bytes").asLong()).isLessThan(128L << 20);
    }

    @Test
    void decode_costsAShareOfARoundTripAToken() throws IOException {
        JsonNode figures = bench(
                "decode",
                "--sessions",
                "2",
                "--sequences",
                "2",
                "--tokens",
                "32",
                "--rounds",
                "1",
                "--in-flight",
                "4",
                "--delay-ms",
                "4");
        assertThat(figures.get("coin_round_trips_per_token").asDouble()).isBetween(0.12, 0.28);
        assertThat(figures.get("coin_bytes_per_token").asDouble()).isBetween(4.0, 24.0);
        for (String figure : List.of(
                "looped_over_batch_decode", "stepwise_over_batch_decode", "delayed_over_local", "tokens_per_second")) {
            assertThat(figures.get(figure).asDouble()).as(figure).isPositive();
        }
        assertThat(figures.get("delayed")).hasSize(1);
        assertThat(figures.get("mixed").get("decode_over_alone").asDouble()).isPositive();
        assertThat(figures.get("mixed").get("scoring_over_alone").asDouble()).isPositive();
    }

    @Test
    void stall_theStalledStudentGetsAllItsRowsInTheEnd() throws IOException {
        JsonNode figures = bench("stall", "--readers", "1", "--tokens", "256", "--sequences", "4", "--rounds", "1");
        assertThat(figures.get("owed_bytes").asLong()).isGreaterThan(4 * 8 * 255 * 64 * 8L);
        assertThat(figures.get("held_bytes").asLong()).isLessThan(20L << 20);
        assertThat(figures.get("stalled_over_free").asDouble()).isPositive();
    }

    @Test
    void sharing_studentsAtOnceCostTheForwardsOfOne() throws IOException {
        Path text = Files.writeString(
                directory.resolve("text.txt"),
                IntStream.range(0, 1_500).mapToObj(Integer::toString).collect(Collectors.joining(" ")));
        JsonNode figures = bench(
                "sharing",
                "--students",
                "2",
                "--stagger",
                "1",
                "--rounds",
                "at_once,disk",
                "--corpus",
                text.toString());
        long one = figures.get("corpus_positions").asLong();
        // An epoch ends with the batch that it began, filled up with windows that another order may choose differently.
        JsonNode together = figures.get("rounds").get(1);
        assertThat(together.get("positions_served").asLong()).isGreaterThan(one);
        assertThat(together.get("positions_over_one").asDouble()).isLessThanOrEqualTo(1.05);
        JsonNode disk = figures.get("rounds").get(2);
        assertThat(disk.get("positions_served").asLong()).isGreaterThan(one);
        assertThat(disk.get("disk_cache_mib").asLong()).isEqualTo(4_096);
        assertThat(disk.get("positions_over_one").asDouble()).isLessThanOrEqualTo(1.05);
    }

    @Test
    void loss_everyLossAskedFor_hasItsCosts() throws IOException {
        JsonNode figures = bench(
                "loss",
                "--loss",
                "forward_kl,mse_logits",
                "--vocabulary-size",
                "600",
                "--top-k",
                "8",
                "--rows",
                "40",
                "--pairs",
                "1",
                "--stream-pairs",
                "4");
        assertThat(figures.get("stream_over_memory").asDouble()).isPositive();
        assertThat(figures.get("stream_over_memory_delayed").asDouble()).isPositive();
        assertThat(figures.get("results").size()).isEqualTo(2);
        for (JsonNode cost : figures.get("results")) {
            assertThat(cost.get("vocabulary_size").asInt()).isEqualTo(600);
            assertThat(cost.get("k").asInt()).isEqualTo(8);
            assertThat(cost.get("step_over_cross_entropy").asDouble()).isPositive();
            assertThat(cost.get("peak_memory_over_unfused").asDouble()).isPositive();
        }
    }
}
