package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.teacher.decode.DecodeOptions;
import org.junit.jupiter.api.Test;

final class MemoryPlanTest {
    private static final long MIB = 1 << 20;

    @Test
    void requireFits_moreThanThereIs_isRefusedWithTheSum() {
        assertThatThrownBy(() -> new MemoryPlan(3_072 * MIB, 0, 24 * MIB, 1_024 * MIB, 4_096 * MIB).requireFits())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("memory: heap (LYNE_HEAP) 3072 + weights 24 +"
                        + " --kv-cache-mib 1024 + the process itself 512 = 4632 MiB (expected: at most 4096, what this"
                        + " machine or container has; lower one of them, or raise the limit)");
        assertThatCode(() -> new MemoryPlan(2_048 * MIB, 0, 24 * MIB, 1_024 * MIB, 4_096 * MIB).requireFits())
                .doesNotThrowAnyException();
    }

    /** The heap of a server without a model here has to fit, too. */
    @Test
    void requireFits_noModelInThisMemory_heapIsCountedAllTheSame() {
        assertThatThrownBy(() -> new MemoryPlan(3_072 * MIB, 0, 0, 0, 2_048 * MIB).requireFits())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(
                        "heap (LYNE_HEAP) 3072 + weights 0 + --kv-cache-mib 0 + the process itself 512 = 3584"
                                + " MiB (expected: at most 2048");
        assertThat(new MemoryPlan(1_024 * MIB, 0, 0, 0, 2_048 * MIB).fits()).isTrue();
    }

    @Test
    void requireFits_directMemoryThatSomebodyNamed_isCounted() {
        assertThatThrownBy(() ->
                        new MemoryPlan(1_024 * MIB, 102_400 * MIB, 24 * MIB, 512 * MIB, 4_096 * MIB).requireFits())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("heap (LYNE_HEAP) 1024 + direct memory (LYNE_DIRECT_MEMORY) 102400 + weights 24"
                        + " + --kv-cache-mib 512 + the process itself 512 = 104472 MiB (expected: at most 4096");
        assertThat(new MemoryPlan(1_024 * MIB, 1_024 * MIB, 24 * MIB, 512 * MIB, 4_096 * MIB).fits())
                .isTrue();
    }

    /** What `serve` takes of a container where nobody names a bound, as the launcher and the options derive it. */
    @Test
    void fits_boundsOfASmallContainer_doWithTheDemosTeacher() {
        for (long mib : new long[] {1_024, 2_048, 4_096, 16_384}) {
            long heap = Math.min(2_048, mib / 4) * MIB;
            long keyValues = DecodeOptions.usualCacheBytes(mib * MIB);
            assertThat(keyValues).isBetween(64 * MIB, 1_024 * MIB);
            assertThat(new MemoryPlan(heap, 0, 24 * MIB, keyValues, mib * MIB).fits())
                    .as("%s MiB", mib)
                    .isTrue();
        }
        assertThat(DecodeOptions.usualCacheBytes(16_384 * MIB)).isEqualTo(1_024 * MIB);
    }

    @Test
    void available_groupAboveHasLess_isTheLess() {
        assertThat(MemoryPlan.available(8_192 * MIB, 512)).isEqualTo(512 * MIB);
        assertThat(MemoryPlan.available(256 * MIB, Long.MAX_VALUE >> 20)).isEqualTo(256 * MIB);
    }

    @Test
    void ofThisProcess_readsItsOwnBounds() {
        MemoryPlan plan = MemoryPlan.ofThisProcess(1, 2);
        assertThat(plan.heapBytes()).isEqualTo(Runtime.getRuntime().maxMemory());
        assertThat(plan.availableBytes()).isGreaterThan(256 * MIB);
    }
}
