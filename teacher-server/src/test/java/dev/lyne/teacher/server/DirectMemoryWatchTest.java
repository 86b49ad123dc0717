package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.AbstractByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A refusal that passes costs what asked for it; one that lasts ends the server. */
final class DirectMemoryWatchTest {
    private static final long SECOND = 1_000_000_000L;

    private long nowNanos;
    private final List<OutOfMemoryError> exhausted = new ArrayList<>();
    private final DirectMemoryWatch watch = new DirectMemoryWatch(() -> nowNanos, exhausted::add);
    private final OutOfMemoryError refusal = new OutOfMemoryError("Cannot reserve 64 bytes of direct buffer memory");

    @Test
    void refused_onceAndAgainMuchLaterWithGrantsBetween_isNoExhaustion() {
        for (int i = 0; i < 5; i++) {
            watch.refused(100, refusal);
            nowNanos += SECOND;
            watch.granted(100);
            nowNanos += 60 * SECOND;
        }
        assertThat(exhausted).isEmpty();
    }

    @Test
    void refused_againTenSecondsLaterWithoutAGrant_isExhaustion() {
        watch.refused(100, refusal);
        nowNanos += 9 * SECOND;
        watch.refused(100, refusal);
        assertThat(exhausted).isEmpty();
        nowNanos += SECOND;
        watch.refused(100, refusal);
        assertThat(exhausted).containsExactly(refusal);
    }

    /** A request that is too large each time it is asked for ends no server that serves everything else. */
    @Test
    void refused_againLongAfter_beginsAnew() {
        for (int i = 0; i < 5; i++) {
            watch.refused(100, refusal);
            watch.granted(99);
            nowNanos += 61 * SECOND;
        }
        assertThat(exhausted).isEmpty();
    }

    @Test
    void granted_lessThanWasRefused_saysNothing() {
        watch.refused(100, refusal);
        watch.granted(99);
        nowNanos += 10 * SECOND;
        watch.refused(100, refusal);
        assertThat(exhausted).hasSize(1);
    }

    @Test
    void granted_asMuchAsTheLeastThatWasRefused_endsIt() {
        watch.refused(100, refusal);
        watch.refused(10, refusal);
        watch.granted(10);
        nowNanos += 10 * SECOND;
        watch.refused(100, refusal);
        assertThat(exhausted).isEmpty();
    }

    @Test
    void allocator_directMemoryRefused_isToldAndThrownOn() {
        boolean[] full = {true};
        var allocator = new WatchedAllocator(
                new AbstractByteBufAllocator(true) {
                    @Override
                    public boolean isDirectBufferPooled() {
                        return false;
                    }

                    @Override
                    protected ByteBuf newHeapBuffer(int initialCapacity, int maxCapacity) {
                        return UnpooledByteBufAllocator.DEFAULT.heapBuffer(initialCapacity, maxCapacity);
                    }

                    @Override
                    protected ByteBuf newDirectBuffer(int initialCapacity, int maxCapacity) {
                        if (full[0]) {
                            throw refusal;
                        }
                        return UnpooledByteBufAllocator.DEFAULT.directBuffer(initialCapacity, maxCapacity);
                    }
                },
                watch);
        assertThatThrownBy(() -> allocator.buffer(64)).isSameAs(refusal);
        full[0] = false;
        ByteBuf buffer = allocator.buffer(64);
        assertThat(buffer.isDirect()).isTrue();
        assertThat(buffer.capacity()).isEqualTo(64);
        buffer.release();
        nowNanos += 10 * SECOND;
        full[0] = true;
        assertThatThrownBy(() -> allocator.buffer(64)).isSameAs(refusal);
        assertThat(exhausted).as("it was granted between").isEmpty();
        nowNanos += 10 * SECOND;
        assertThatThrownBy(() -> allocator.buffer(64)).isSameAs(refusal);
        assertThat(exhausted).containsExactly(refusal);
    }
}
