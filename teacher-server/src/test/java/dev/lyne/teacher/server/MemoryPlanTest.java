package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

final class MemoryPlanTest {
    private static final long MIB = 1 << 20;

    @Test
    void requireFits_moreThanThereIs_isRefusedWithTheSum() {
        assertThatThrownBy(() -> new MemoryPlan(3_072 * MIB, 24 * MIB, 1_024 * MIB, 4_096 * MIB).requireFits())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("memory: heap (LYNE_HEAP) 3072 + weights 24 +"
                        + " --kv-cache-mib 1024 + the process itself 512 = 4632 MiB (expected: at most 4096, what this"
                        + " machine or container has; lower one of them, or raise the limit)");
        assertThatCode(() -> new MemoryPlan(2_048 * MIB, 24 * MIB, 1_024 * MIB, 4_096 * MIB).requireFits())
                .doesNotThrowAnyException();
    }

    /** The heap of a server without a model here has to fit, too. */
    @Test
    void requireFits_noModelInThisMemory_heapIsCountedAllTheSame() {
        assertThatThrownBy(() -> new MemoryPlan(3_072 * MIB, 0, 0, 2_048 * MIB).requireFits())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(
                        "heap (LYNE_HEAP) 3072 + weights 0 + --kv-cache-mib 0 + the process itself 512 = 3584"
                                + " MiB (expected: at most 2048");
        assertThat(new MemoryPlan(1_024 * MIB, 0, 0, 2_048 * MIB).fits()).isTrue();
    }

    @Test
    void ofThisProcess_readsItsOwnBounds() {
        MemoryPlan plan = MemoryPlan.ofThisProcess(1, 2);
        assertThat(plan.heapBytes()).isEqualTo(Runtime.getRuntime().maxMemory());
        assertThat(plan.availableBytes()).isGreaterThan(256 * MIB);
    }
}
