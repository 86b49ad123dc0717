package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** When the one timer of a pool goes off. Nothing waits: what it asks of its executor is looked at. */
final class TimerTest {
    private final Delays executor = new Delays();
    private final Timer timer = new Timer(executor, () -> {});

    @AfterEach
    void stop() {
        executor.shutdownNow();
    }

    @Test
    void set_earlierMoment_takesThePlaceOfTheLaterOne() {
        timer.set(100, 0);
        timer.set(40, 10);
        assertThat(executor.delays).containsExactly(100L, 30L);
        assertThat(executor.waiting()).isEqualTo(1);
    }

    @Test
    void set_laterMoment_leavesTheEarlierOne() {
        timer.set(40, 0);
        timer.set(100, 10);
        assertThat(executor.delays).containsExactly(40L);
    }

    @Test
    void set_momentThatIsPast_goesOffAtOnce() {
        timer.set(5, 9);
        assertThat(executor.delays).containsExactly(0L);
        assertThat(timer.lateNanos(12)).isEqualTo(3);
    }

    @Test
    void set_earlierMomentHasPassed_isSetAnew() {
        timer.set(40, 0);
        timer.set(100, 50);
        assertThat(executor.delays).containsExactly(40L, 50L);
        assertThat(executor.waiting()).isEqualTo(1);
    }

    @Test
    void set_noMoment_cancels() {
        timer.set(40, 0);
        timer.set(Long.MAX_VALUE, 10);
        assertThat(executor.waiting()).isZero();
        assertThat(timer.lateNanos(1_000)).isZero();
    }

    @Test
    void fired_thenSet_isSetAnewWhateverTheMomentWas() {
        timer.set(40, 0);
        timer.fired();
        timer.set(60, 40);
        assertThat(executor.delays).containsExactly(40L, 20L);
    }

    @Test
    void lateNanos_processSleptPastTheMoment_tellsForHowLong() {
        timer.set(40, 0);
        assertThat(timer.lateNanos(39)).isZero();
        assertThat(timer.lateNanos(140)).isEqualTo(100);
        timer.fired();
        assertThat(timer.lateNanos(140)).isEqualTo(100);
    }

    /** An executor that never gets so far as to run anything. */
    private static final class Delays extends ScheduledThreadPoolExecutor {
        final List<Long> delays = new ArrayList<>();

        Delays() {
            super(1, Executors.defaultThreadFactory());
            setRemoveOnCancelPolicy(true);
        }

        @Override
        public ScheduledFuture<?> schedule(@Nullable Runnable command, long delay, @Nullable TimeUnit unit) {
            delays.add(delay);
            return super.schedule(command, 1, TimeUnit.HOURS);
        }

        int waiting() {
            return getQueue().size();
        }
    }
}
