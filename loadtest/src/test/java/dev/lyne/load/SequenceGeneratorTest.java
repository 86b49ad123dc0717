package dev.lyne.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.wire.Selection;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class SequenceGeneratorTest {
    private static LoadProfile profile(double repeated, long seed) {
        return new LoadProfile(
                2, 4, 32, new Selection.TopK(8, List.of()), repeated, 10, Duration.ZERO, Duration.ofSeconds(1), seed);
    }

    @Test
    void sequence_sameSeed_isTheSameAndInRange() {
        var first = new SequenceGenerator(profile(.5, 1), 100);
        var second = new SequenceGenerator(profile(.5, 1), 100);
        for (int index = 0; index < 50; index++) {
            int[] tokens = first.sequence(1, index);
            assertThat(tokens).hasSize(32).isEqualTo(second.sequence(1, index));
            assertThat(Arrays.stream(tokens).allMatch(token -> token >= 0 && token < 100))
                    .isTrue();
        }
    }

    @Test
    void sequence_noneRepeated_areDistinctOverStudents() {
        var generator = new SequenceGenerator(profile(0, 1), 4096);
        Set<List<Integer>> seen = new HashSet<>();
        for (int student = 0; student < 4; student++) {
            for (int index = 0; index < 100; index++) {
                seen.add(Arrays.stream(generator.sequence(student, index))
                        .boxed()
                        .toList());
            }
        }
        assertThat(seen).hasSize(400);
    }

    @Test
    void sequence_allRepeated_comeFromThePool() {
        var generator = new SequenceGenerator(profile(1, 1), 4096);
        Set<List<Integer>> seen = new HashSet<>();
        for (int index = 0; index < 400; index++) {
            seen.add(Arrays.stream(generator.sequence(index % 4, index)).boxed().toList());
        }
        assertThat(seen).hasSize(10);
    }

    @Test
    void profile_outOfRange_isRefusedWithTheValue() {
        assertThatThrownBy(() -> profile(1.5, 1)).hasMessage("repeated: 1.5 (expected: 0..1)");
    }
}
