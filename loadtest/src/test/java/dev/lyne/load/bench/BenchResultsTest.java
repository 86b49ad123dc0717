package dev.lyne.load.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.row.Precision;
import java.util.Collection;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/** The figures of benchmarks stand in one flat object, whatever they are split into. */
final class BenchResultsTest {
    private static final BenchSetUp SET_UP = BenchSetUp.of(2, new BenchRows(64, Precision.COMPACT, 256, 16), 3);

    private static Collection<String> names(Object result) {
        return JsonMapper.builder()
                .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
                .build()
                .valueToTree(result)
                .propertyNames();
    }

    @Test
    void serveResult_asJson_hasItsFiguresInOrder() {
        assertThat(names(new ServeBenchmark.Result(
                        new ServeBenchmark.Ratios(1, 2, 3, 4),
                        new ServeBenchmark.Rates(4, 5, 6, 7, 8),
                        9,
                        SET_UP,
                        10,
                        11,
                        "cpu",
                        12)))
                .containsExactly(
                        "served_over_forward",
                        "hit_bytes_over_bare_stream",
                        "hit_over_cold",
                        "forward_over_full_batches",
                        "served_positions_per_second",
                        "forward_positions_per_second",
                        "hit_positions_per_second",
                        "hit_bytes_per_second",
                        "bare_bytes_per_second",
                        "message_bytes",
                        "students",
                        "k",
                        "precision",
                        "tokens",
                        "rounds",
                        "positions_per_round",
                        "batches_per_round",
                        "device",
                        "threads");
    }

    @Test
    void loadResult_asJson_hasItsFiguresInOrder() {
        assertThat(names(new LoadBenchmark.Result(
                        new LoadBenchmark.Ratios(1, 2, 3),
                        new LoadBenchmark.ProcessorTimes(4, 5, 6, 7),
                        new LoadBenchmark.Rates(8, 9, 10, 11, 12, 13),
                        14,
                        SET_UP)))
                .containsExactly(
                        "achieved_over_configured",
                        "load_over_hits",
                        "load_over_bare_stream",
                        "load_on_bare_cpu_seconds_per_gigabyte",
                        "bare_cpu_seconds_per_gigabyte",
                        "load_on_hits_cpu_seconds_per_gigabyte",
                        "hit_cpu_seconds_per_gigabyte",
                        "configured_tokens_per_second",
                        "achieved_tokens_per_second",
                        "load_on_hits_bytes_per_second",
                        "hit_bytes_per_second",
                        "load_on_bare_bytes_per_second",
                        "bare_bytes_per_second",
                        "message_bytes",
                        "students",
                        "k",
                        "precision",
                        "tokens",
                        "rounds");
    }
}
