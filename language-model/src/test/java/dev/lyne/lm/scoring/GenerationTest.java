package dev.lyne.lm.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.lm.generation.SamplingOptions;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Decoding with the cache against full forwards. */
final class GenerationTest {
    private static final ModelOptions FLOAT32 = new ModelOptions("cpu", ComputePrecision.FLOAT32, 0);
    private static final SamplingOptions GREEDY = new SamplingOptions(0, 1, 0);

    @TempDir
    private Path directory;

    @TestFactory
    Stream<DynamicTest> generate_greedy_takesTheTopTokenOfTheFullForwardEachTime() {
        return RandomModel.variants().entrySet().stream()
                .map(entry -> DynamicTest.dynamicTest(entry.getKey(), () -> check(entry.getValue())));
    }

    private void check(ModelConfiguration shape) throws IOException {
        long seed = 31;
        Map<String, double[]> weights = RandomModel.weights(shape, seed);
        RandomModel.write(directory, shape, weights);
        ReferenceTransformer reference = new ReferenceTransformer(shape, weights);
        try (ScoringModel model = ScoringModel.load(directory, FLOAT32, ScoringOptions.of(RandomModel.VOCABULARY))) {
            for (int promptLength : new int[] {1, 11}) {
                int[] prompt = RandomModel.tokens(new Random(seed), promptLength);
                int[] made = model.generate(prompt, 20, GREEDY, Set.of());
                assertThat(made).hasSize(20);
                int[] text = Arrays.copyOf(prompt, promptLength + made.length);
                System.arraycopy(made, 0, text, promptLength, made.length);
                double[][] logits = reference.logits(text);
                for (int i = 0; i < made.length; i++) {
                    int expected = LogRows.order(logits[promptLength + i - 1])[0];
                    assertThat(made[i])
                            .as("token %d after %d, seed %d", i, promptLength, seed)
                            .isEqualTo(expected);
                }
            }
        }
    }

    @Test
    void generate_stopsAtTheStopTokenAndTheContext() throws IOException {
        ModelConfiguration shape = Objects.requireNonNull(RandomModel.variants().get("llama, tied"));
        RandomModel.write(directory, shape, RandomModel.weights(shape, 31));
        try (ScoringModel model = ScoringModel.load(directory, FLOAT32, ScoringOptions.of(RandomModel.VOCABULARY))) {
            int[] made = model.generate(new int[] {4}, 10, GREEDY, Set.of());
            int stop = made[5];
            int first = Arrays.stream(made).boxed().toList().indexOf(stop);
            assertThat(model.generate(new int[] {4}, 10, GREEDY, Set.of(stop, 60)))
                    .containsExactly(Arrays.copyOf(made, first));
            assertThat(model.generate(new int[1022], 10, GREEDY, Set.of())).hasSize(2);
            assertThat(model.generate(new int[] {4}, 0, GREEDY, Set.of())).isEmpty();
            SamplingOptions sampled = new SamplingOptions(1, 0.9, 5);
            assertThat(model.generate(new int[] {4}, 30, sampled, Set.of()))
                    .containsExactly(model.generate(new int[] {4}, 30, sampled, Set.of()));
            assertThatThrownBy(() -> model.generate(new int[] {61}, 1, GREEDY, Set.of()))
                    .hasMessageContaining("token 61 (expected: 0..60)");
            assertThatThrownBy(() -> model.generate(new int[0], 1, GREEDY, Set.of()))
                    .hasMessageContaining("0 tokens (expected: 1..context=1024)");
        }
    }
}
