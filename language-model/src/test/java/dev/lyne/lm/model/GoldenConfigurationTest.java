package dev.lyne.lm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Configurations and rotary frequencies of checkpoints that transformers wrote. */
final class GoldenConfigurationTest {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    @TempDir
    Path temporary;

    static Stream<String> names() throws Exception {
        try (Stream<Path> directories = Files.list(golden())) {
            List<String> names = new ArrayList<>(
                    directories.map(path -> path.getFileName().toString()).toList());
            assertThat(names).hasSizeGreaterThan(10);
            return names.stream().sorted();
        }
    }

    private static Path golden() throws URISyntaxException {
        return Path.of(GoldenConfigurationTest.class.getResource("/golden").toURI());
    }

    @ParameterizedTest
    @MethodSource("names")
    void inverseFrequencies_goldenCheckpoint_equalTransformers(String name) throws Exception {
        Path directory = golden().resolve(name);
        JsonNode expected = JSON.readTree(directory.resolve("golden.json"));
        RotaryEmbedding rotary =
                RotaryEmbedding.of(ModelConfiguration.read(directory).rotation());
        float[] actual = rotary.inverseFrequencies();
        assertThat(actual).hasSize(expected.get("inverse_frequencies").size());
        for (int i = 0; i < actual.length; i++) {
            float wanted = (float) expected.get("inverse_frequencies").get(i).doubleValue();
            assertThat(actual[i]).isCloseTo(wanted, within(2 * Math.ulp(wanted)));
        }
        assertThat(rotary.attentionScale())
                .isCloseTo(expected.get("attention_scale").doubleValue(), within(1e-12));
    }

    @ParameterizedTest
    @MethodSource("names")
    void writeThenRead_goldenCheckpoint_isTheSameConfiguration(String name) throws Exception {
        ModelConfiguration configuration = ModelConfiguration.read(golden().resolve(name));
        configuration.write(temporary);
        assertThat(ModelConfiguration.read(temporary)).isEqualTo(configuration);
    }

    @Test
    void read_slidingWindows_followTheFamily() throws Exception {
        assertThat(ModelConfiguration.read(golden().resolve("mistral-window"))
                        .attention()
                        .slidingWindows())
                .containsExactly(5, 5);
        assertThat(ModelConfiguration.read(golden().resolve("qwen2"))
                        .attention()
                        .slidingWindows())
                .containsExactly(0, 0);
        assertThat(ModelConfiguration.read(golden().resolve("qwen2-windows"))
                        .attention()
                        .slidingWindows())
                .containsExactly(0, 6, 6);
        assertThat(ModelConfiguration.read(golden().resolve("qwen3-biases-windows"))
                        .attention()
                        .slidingWindows())
                .containsExactly(4, 0);
    }

    @Test
    void read_biasesAndNorms_followTheFamily() throws Exception {
        ModelConfiguration llama = ModelConfiguration.read(golden().resolve("llama-biases"));
        assertThat(List.of(
                        llama.attention().bias(),
                        llama.attention().outputBias(),
                        llama.feedForward().bias(),
                        llama.norms().queryKey()))
                .containsExactly(true, true, true, false);
        ModelConfiguration qwen2 = ModelConfiguration.read(golden().resolve("qwen2"));
        assertThat(List.of(
                        qwen2.attention().bias(),
                        qwen2.attention().outputBias(),
                        qwen2.feedForward().bias(),
                        qwen2.norms().queryKey()))
                .containsExactly(true, false, false, false);
        ModelConfiguration qwen3 = ModelConfiguration.read(golden().resolve("qwen3"));
        assertThat(List.of(
                        qwen3.attention().bias(),
                        qwen3.attention().outputBias(),
                        qwen3.feedForward().bias(),
                        qwen3.norms().queryKey()))
                .containsExactly(false, false, false, true);
        assertThat(ModelConfiguration.read(golden().resolve("llama-untied"))
                        .boundaries()
                        .eos())
                .containsExactly(1, 2);
        assertThat(ModelConfiguration.read(golden().resolve("llama-bfloat16")).storedType())
                .isEqualTo("bfloat16");
    }
}
