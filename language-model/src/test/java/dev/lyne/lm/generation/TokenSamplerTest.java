package dev.lyne.lm.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class TokenSamplerTest {
    private static final float[] LOGITS = {0f, 2f, 1f, 2f, -1f};

    @Test
    void next_temperatureZero_takesTheLowerIdOfTheGreatest() {
        assertThat(new TokenSampler(new SamplingOptions(0, 0, 1, 1)).next(LOGITS))
                .isEqualTo(1);
    }

    @Test
    void next_sameSeed_drawsTheSame() {
        TokenSampler one = new TokenSampler(new SamplingOptions(1, 0, 1, 9));
        TokenSampler same = new TokenSampler(new SamplingOptions(1, 0, 1, 9));
        for (int i = 0; i < 50; i++) {
            assertThat(same.next(LOGITS)).isEqualTo(one.next(LOGITS));
        }
    }

    @Test
    void next_manyDraws_followTheTemperedDistribution() {
        TokenSampler sampler = new TokenSampler(new SamplingOptions(0.5, 0, 1, 4));
        int draws = 20_000;
        int[] counts = new int[LOGITS.length];
        for (int i = 0; i < draws; i++) {
            counts[sampler.next(LOGITS)]++;
        }
        double sum = 0;
        for (float logit : LOGITS) {
            sum += Math.exp(logit / 0.5);
        }
        for (int id = 0; id < counts.length; id++) {
            double p = Math.exp(LOGITS[id] / 0.5) / sum;
            double deviation = Math.sqrt(p * (1 - p) / draws);
            assertThat(Math.abs((double) counts[id] / draws - p))
                    .as("token %d, seed 4", id)
                    .isLessThan(5 * deviation);
        }
    }

    @Test
    void next_truncated_staysInside() {
        assertThat(drawn(new SamplingOptions(5, 3, 1, 2))).containsExactlyInAnyOrder(1, 3, 2);
        assertThat(drawn(new SamplingOptions(1, 0, 0.5, 2))).containsExactlyInAnyOrder(1, 3);
        assertThat(drawn(new SamplingOptions(1, 0, 0.01, 2))).containsExactly(1);
    }

    private static Set<Integer> drawn(SamplingOptions options) {
        TokenSampler sampler = new TokenSampler(options);
        Set<Integer> drawn = new HashSet<>();
        for (int i = 0; i < 500; i++) {
            drawn.add(sampler.next(LOGITS));
        }
        return drawn;
    }

    @Test
    void next_logitNotFinite_isRefused() {
        TokenSampler sampler = new TokenSampler(new SamplingOptions(1, 0, 1, 1));
        assertThatThrownBy(() -> sampler.next(new float[] {1, Float.NaN}))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("NaN");
    }

    @Test
    void options_outOfRange_areRefused() {
        assertThatThrownBy(() -> new SamplingOptions(-1, 0, 1, 0))
                .hasMessage("temperature: -1.0 (expected: finite, 0 or more)");
        assertThatThrownBy(() -> new SamplingOptions(1, -2, 1, 0)).hasMessage("top_k: -2 (expected: 0 or more)");
        assertThatThrownBy(() -> new SamplingOptions(1, 0, 0, 0))
                .hasMessage("top_p: 0.0 (expected: above 0, at most 1)");
    }
}
