package dev.lyne.load.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.load.profile.Arrivals;
import dev.lyne.load.profile.FaultInjection;
import dev.lyne.load.profile.LoadProfile;
import dev.lyne.load.profile.Profiles;
import dev.lyne.load.result.StepResult;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A server that answers in 2 ms and stops from the 4th to the 5th of 10 seconds. 100 sequences a second are due, so 100 of 1,000 fall
 * into the stop and wait from 1,000 ms down to none: 95 % of all wait at most 500 ms, 99 % at most 900 ms.
 */
final class ServerThatStopsForASecondTest {
    private static final long MILLI = 1_000_000;
    private static final long SECOND = 1_000 * MILLI;

    private final VirtualEventQueue events = new VirtualEventQueue();

    private StepResult run(LoadProfile profile, StoppingServer server) {
        var step = new StepRun(0, profile, server, events, why -> {
            throw new AssertionError(why);
        });
        step.start();
        events.runUntil(step.endNanos());
        step.stop();
        events.runUntil(step.endNanos() + 5 * SECOND);
        assertThat(step.owes()).isFalse();
        step.end();
        return step.result("step", 0, Map.of());
    }

    private StoppingServer server(int credit) {
        return new StoppingServer(events, 2 * MILLI, 4 * SECOND, 5 * SECOND, credit);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4, 10_000}) // what the server grants: most sequences wait in the student, or none
    void openLoop_latenciesCountFromWhenSequencesWereDue(int credit) {
        StepResult result = run(Profiles.of(2, new Arrivals.Open(100, true)), server(credit));
        assertThat(result.counts().intended()).isEqualTo(1_000);
        assertThat(result.counts().sequences()).isEqualTo(1_000);
        assertThat(result.timing().latencyMillis().get("p50")).isEqualTo(2, within(0.1));
        assertThat(result.timing().latencyMillis().get("p90")).isLessThan(150);
        assertThat(result.timing().latencyMillis().get("p95")).isEqualTo(500, within(60.0));
        assertThat(result.timing().latencyMillis().get("p99")).isEqualTo(900, within(60.0));
        assertThat(result.timing().latencyMillis().get("p99.9")).isEqualTo(1_000, within(60.0));
        assertThat(result.timing().latencyMillis().get("mean")).isEqualTo(52, within(8.0));
    }

    @Test
    void openLoopOfRandomArrivals_showsTheStopToo() {
        StepResult result = run(Profiles.of(2, new Arrivals.Open(100, false)), server(10_000));
        assertThat((double) result.counts().intended()).isEqualTo(1_000, within(130.0));
        assertThat(result.timing().latencyMillis().get("p95")).isBetween(350.0, 650.0);
        assertThat(result.timing().latencyMillis().get("p99")).isBetween(820.0, 980.0);
    }

    @Test
    void closedLoop_asksForNothingWhileItWaits() {
        StepResult result = run(Profiles.of(1, new Arrivals.Closed(1, 0)), server(10));
        assertThat(result.timing().latencyMillis().get("max")).isEqualTo(1_000, within(10.0));
        assertThat(result.timing().latencyMillis().get("p99.9"))
                .isEqualTo(2, within(0.1)); // why an open loop is needed
        assertThat(result.counts().sequences()).isBetween(4_490L, 4_510L);
        assertThat(result.answered().positionsPerSecond()).isEqualTo(4_500, within(5.0));
        assertThat(result.answered().bytesPerPosition()).isEqualTo(70);
    }

    @Test
    void unansweredAtTheEnd_countsWithItsAge() {
        var step = new StepRun(0, Profiles.of(1, new Arrivals.Open(100, true)), server(10), events, why -> {});
        step.start();
        events.runUntil(4 * SECOND + 500 * MILLI);
        step.end(); // given up in the middle of the stop
        StepResult result = step.result("step", 0, Map.of());
        assertThat(result.counts().unanswered()).isBetween(48L, 52L);
        assertThat(result.timing().latencyMillis().get("max")).isEqualTo(500, within(11.0));
    }

    @Test
    void refusedWithADelay_isAskedAgainAndItsClockGoesOn() {
        var server = new StoppingServer(events, 2 * MILLI, Long.MAX_VALUE, Long.MAX_VALUE, 10);
        server.refuseOnce.add(7L);
        StepResult result = run(Profiles.of(1, new Arrivals.Open(100, true)), server);
        assertThat(result.interruptions().refusals()).containsExactly(Map.entry("QUEUE_FULL", 1L));
        assertThat(result.counts().failed()).isZero();
        assertThat(result.counts().sequences()).isEqualTo(1_000);
        assertThat(result.timing().latencyMillis().get("max")).isEqualTo(54, within(0.5));
    }

    @Test
    void think_closedLoopPausesForItsMean() {
        var server = new StoppingServer(events, 2 * MILLI, Long.MAX_VALUE, Long.MAX_VALUE, 10);
        StepResult result = run(Profiles.of(4, new Arrivals.Closed(1, 18)), server);
        assertThat(result.answered().sequencesPerSecond()).isEqualTo(4 / 0.020, within(15.0));
    }

    @Test
    void faults_streamsAreDroppedAndNothingIsLost() {
        var server = new StoppingServer(events, 2 * MILLI, Long.MAX_VALUE, Long.MAX_VALUE, 10);
        LoadProfile profile = Profiles.of(2, new Arrivals.Open(200, true), new FaultInjection(0, 0, 1));
        StepResult result = run(profile, server);
        assertThat(result.interruptions().reconnects()).isBetween(8L, 35L);
        assertThat(server.streams).isEqualTo(2 + (int) result.interruptions().reconnects());
        assertThat(result.counts().sequences()).isEqualTo(2_000);
        assertThat(result.counts().unanswered()).isZero();
    }

    @Test
    void sameSeed_sameRun() {
        LoadProfile profile = Profiles.of(3, new Arrivals.Open(150, false), new FaultInjection(1, 0.2, 2));
        StepResult first = run(profile, server(5));
        var other = new ServerThatStopsForASecondTest();
        assertThat(other.run(profile, other.server(5))).isEqualTo(first);
    }
}
