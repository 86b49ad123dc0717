package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

final class HeapPlanTest {
    private static final long MIB = 1 << 20;

    @Test
    void requireFits_defaultsOfAnyHeap_fit() {
        for (long heap = 64 * MIB; heap < 1L << 45; heap *= 2) {
            HeapPlan plan =
                    new HeapPlan(Math.min(512 * MIB, heap / 4), heap / 4, 2 * HeapPlan.unwrittenBytes(heap), heap);
            assertThatCode(plan::requireFits).doesNotThrowAnyException();
        }
    }

    @Test
    void usualUnsentBytes_besideALargeCache_leavesRoomForIt() {
        long heap = 10_240 * MIB;
        for (long cache : new long[] {0, 512 * MIB, 6_144 * MIB, heap / 4 * 3}) {
            long unsent = HeapPlan.usualUnsentBytes(cache, 128 * MIB, heap);
            assertThatCode(() -> new HeapPlan(cache, unsent, 128 * MIB, heap).requireFits())
                    .doesNotThrowAnyException();
        }
    }

    @Test
    void requireFits_cacheBeyondTheHeap_isRefusedWithTheSum() {
        assertThatThrownBy(() -> new HeapPlan(100_000 * MIB, 64 * MIB, 0, 256 * MIB).requireFits())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "--cache-mib 100000 + 1.5 × --unsent-mib 96 + rows to be written 0 = 100096 MiB (expected: at"
                                + " most 205, four fifths of the heap of 256 MiB; LYNE_HEAP sets it)");
    }

    @Test
    void requireFits_partsThatOverflowTogether_areRefused() {
        assertThatThrownBy(() -> new HeapPlan(Long.MAX_VALUE, Long.MAX_VALUE / 2, 0, 256 * MIB).requireFits())
                .isInstanceOf(IllegalArgumentException.class);
    }
}
