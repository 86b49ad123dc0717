package dev.lyne.teacher.tenant;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class TenantSharesTest {
    private final TenantShares tokens = new TenantShares(100);

    @Test
    void take_ofATenantWithinItsShare_isLetInThoughAnotherUsesTheBoundUp() {
        assertThat(tokens.take("greedy", 100)).isTrue();
        assertThat(tokens.take("greedy", 1)).isFalse();
        assertThat(tokens.take("modest", 30)).isTrue();
        assertThat(tokens.take("modest", 20)).isTrue();
        assertThat(tokens.take("modest", 1)).as("above half of the bound").isFalse();
        assertThat(tokens.take("third", 1)).as("half as much again is held").isFalse();
        tokens.give("greedy", 60);
        assertThat(tokens.take("third", 60)).as("nothing of it is there yet").isTrue();
        assertThat(tokens.take("greedy", 1)).isFalse();
        assertThat(tokens.all()).isEqualTo(150);
    }

    @Test
    void take_first_isLetInHoweverLong() {
        assertThat(tokens.take("only", 1_000)).isTrue();
        assertThat(tokens.take("only", 1)).isFalse();
        tokens.give("only", 1_000);
        assertThat(tokens.take("only", 100)).isTrue();
    }

    @Test
    void add_whateverTheBound_isTakenFromThoseAboveTheirShareFirst() {
        tokens.add("greedy", 120);
        assertThat(tokens.letsIn("greedy", 0)).isFalse();
        tokens.add("modest", 20);
        assertThat(tokens.letsIn("modest", 10)).isTrue();
        assertThat(tokens.letsIn("modest", 11)).as("half as much again is held").isFalse();
        tokens.give("greedy", 120);
        tokens.give("modest", 20);
        assertThat(tokens.all()).isZero();
        assertThat(tokens.take("greedy", 90)).isTrue();
        assertThat(tokens.take("modest", 50)).as("nobody else holds any").isTrue();
    }
}
