package dev.lyne.load.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

/** Set-ups whose outcome follows from arithmetic. */
final class SimulationTest {
    private static final double FAST = 1e12;
    /** 10,000 tokens a second in batches of 1,000. */
    private static final TeacherCost COST = new TeacherCost(0.02, 8e-5, 1_000, 0.002, 0, 0, 50);

    private static Workload students(int students, double stepSeconds, long corpus, boolean sameOrder) {
        return new Workload(
                students,
                new Workload.Rhythm(stepSeconds, 4, 12, 0, 0),
                new Workload.Sequences(100, 100, corpus, sameOrder, 0, 1),
                5);
    }

    private static Deployment replicas(int replicas, double cacheBytes) {
        return new Deployment(replicas, cacheBytes, false, false, 0.0001, FAST, FAST);
    }

    @Test
    void run_studentsThatNeedHalf_neverWait() {
        // 10 students, 400 positions every 0.8 s: 5,000 a second.
        var outcome = Simulation.run(COST, students(10, 0.8, 0, false), replicas(1, 0), new Horizon(20, 50));
        assertThat(outcome.positionsPerSecond()).isEqualTo(5_000, within(100.0));
        assertThat(outcome.stallShare()).isLessThan(0.01);
        assertThat(outcome.computedPerSecond()).isEqualTo(5_000, within(100.0));
    }

    @Test
    void requireHolds_moreThanTheHeap_isRefusedWithWhatItTakes() {
        var horizon = new Horizon(10, 60);
        long heap = 2L << 30;
        assertThatCode(() -> Simulation.requireHolds(
                        COST, students(100_000, 1, 0, false), replicas(100, 1e9), horizon, heap))
                .doesNotThrowAnyException();
        assertThatThrownBy(() -> Simulation.requireHolds(
                        COST, students(1_000_000_000, 1, 0, false), replicas(1, 0), horizon, heap))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("a simulation of 1000000000 students with 12 sequences in flight each")
                .hasMessageContaining("MiB (expected: at most 1536, ");
        assertThatThrownBy(() -> Simulation.requireHolds(
                        COST, students(1_000_000, 1, 0, false), replicas(10_000, 0), horizon, heap))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Simulation.requireHolds(
                        COST, students(1_000, 0, 0, false), replicas(1_000, 1e12), new Horizon(0, 1e6), heap))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void requireHolds_moreThanHalfAnHourSimulates_isRefused() {
        assertThatThrownBy(() -> Simulation.requireHolds(
                        COST, students(10, 0.2, 0, false), replicas(1, 0), new Horizon(1e12, 60), 2L << 30))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("(expected: at most 1e+09, which take half an hour;");
    }

    @Test
    void run_studentsThatNeedTwice_getTheTeachersRateAndWaitHalf() {
        var outcome = Simulation.run(COST, students(10, 0.2, 0, false), replicas(1, 0), new Horizon(20, 50));
        assertThat(outcome.positionsPerSecond()).isEqualTo(10_000, within(200.0));
        assertThat(outcome.stallShare()).isEqualTo(0.5, within(0.03));
        assertThat(outcome.deviceBusyShare()).isGreaterThan(0.98);
        var two = Simulation.run(COST, students(10, 0.2, 0, false), replicas(2, 0), new Horizon(20, 50));
        assertThat(two.positionsPerSecond()).isGreaterThan(18_000);
    }

    @Test
    void run_oneOrderAndAMemory_costsOneStudentsWork() {
        var outcome = Simulation.run(COST, students(10, 0.5, 100_000, true), replicas(1, 1e9), new Horizon(20, 50));
        assertThat(outcome.hitRatio()).isEqualTo(0.9, within(0.01));
        assertThat(outcome.computedPerSecond()).isEqualTo(800, within(40.0));
        assertThat(outcome.stallShare()).isLessThan(0.01);
    }

    @Test
    void run_smallCorpusAndItsCache_isComputedOnce() {
        var outcome =
                Simulation.run(COST, students(5, 0.5, 200, false), replicas(1, 200 * 100 * 50), new Horizon(60, 50));
        assertThat(outcome.hitRatio()).isEqualTo(1);
        var none = Simulation.run(COST, students(5, 0.5, 200, false), replicas(1, 0), new Horizon(60, 50));
        assertThat(none.hitRatio()).isLessThan(0.2);
    }

    @Test
    void run_slowNetwork_isWhatBounds() {
        // 50 bytes a position, 100,000 bytes a second a student: 2,000 positions a second each.
        var slow = new Deployment(1, 1e9, false, false, 0.0001, 100_000, FAST);
        var outcome = Simulation.run(COST, students(2, 0.01, 50, true), slow, new Horizon(20, 50));
        assertThat(outcome.positionsPerSecond()).isEqualTo(4_000, within(80.0));
    }

    @Test
    void run_pausesWithoutSteps_followLittlesLaw() {
        // 20 places that pause 100 ms and are answered after a batch of one or more: throughput = 20 / (0.1 + latency).
        var work = new Workload(
                5, new Workload.Rhythm(0, 1, 4, 0.1, 0), new Workload.Sequences(100, 99, 0, false, 0, 1), 5);
        var outcome = Simulation.run(COST, work, replicas(1, 0), new Horizon(10, 100));
        double sequences = outcome.positionsPerSecond() / 99;
        assertThat(sequences).isEqualTo(20 / (0.1 + outcome.latencyMillis() / 1e3), within(sequences * 0.03));
    }

    @Test
    void of_unknownReplicas_findsTheFewest() {
        var plan = CapacityPlan.of(
                COST,
                students(30, 0.4, 0, false),
                replicas(1, 0),
                new CapacityPlan.Question(true, 0.02, false, new Horizon(10, 30)));
        assertThat(plan.positionsPerSecondWanted()).isEqualTo(30_000, within(1e-6));
        assertThat(plan.replicasAtLeast()).isEqualTo(3, within(1e-6));
        assertThat(plan.chosen().replicas()).isBetween(3, 5);
        assertThat(plan.met()).isTrue();
    }

    @Test
    void run_longRunOfOwnOrders_hitsAsMuchAsIsStored() {
        // A quarter of a large corpus in memory, orders without a pattern: a quarter of what is asked for is there.
        var quarter = new Deployment(1, 25_000.0 * 100 * 50, false, true, 0.0001, FAST, FAST);
        var outcome = Simulation.run(COST, students(10, 2, 100_000, false), quarter, new Horizon(20, 100));
        assertThat(outcome.hitRatio()).isEqualTo(0.25, within(0.02));
        var oneOrder = Simulation.run(COST, students(10, 2, 100_000, true), quarter, new Horizon(20, 100));
        assertThat(oneOrder.hitRatio()).isEqualTo(0.9, within(0.02)); // nine of ten still join the first
    }

    @Test
    void run_stockThatRunsOut_countsAsTheStallToCome() {
        // 10 students need 10,000 positions a second of a teacher that gives 5,000, and have 100 steps in stock.
        var slow = new TeacherCost(0.02, 18e-5, 1_000, 0.002, 0, 0, 50);
        var work = new Workload(
                10, new Workload.Rhythm(0.4, 4, 400, 0, 0), new Workload.Sequences(100, 100, 0, false, 0, 1), 5);
        var outcome = Simulation.run(slow, work, replicas(1, 0), new Horizon(50, 20));
        assertThat(outcome.stallShare()).isEqualTo(0.5, within(0.05));
    }

    @Test
    void of_aThousandStudentsOnHundredsOfReplicas_simulatesAboutAMillionSequences() {
        var work = new Workload(
                4_096,
                new Workload.Rhythm(2, 16, 64, 0, 0),
                new Workload.Sequences(1_024, 1_023, 1_000_000, false, 0, 1),
                5);
        Horizon horizon = Horizon.of(work);
        double sequences = 4_096.0 * (64 + 16 * (horizon.warmUpSeconds() + horizon.seconds()) / 2);
        assertThat(sequences).isBetween(0.5e6, 1.5e6);
        assertThat(horizon.seconds() / 2).isEqualTo(Math.rint(horizon.seconds() / 2));
    }

    @Test
    void run_sameSeed_sameOutcome() {
        var work = students(7, 0.3, 1_000, false);
        assertThat(Simulation.run(COST, work, replicas(2, 1e6), new Horizon(5, 10)))
                .isEqualTo(Simulation.run(COST, work, replicas(2, 1e6), new Horizon(5, 10)));
    }

    @Test
    void place_everyOrder_isAPermutation() {
        for (long size : new long[] {1, 2, 12, 97}) {
            for (long order = 0; order < 5; order++) {
                boolean[] hit = new boolean[(int) size];
                for (long at = 0; at < size; at++) {
                    hit[(int) Orders.place(at, size, order)] = true;
                }
                assertThat(hit).doesNotContain(false);
            }
        }
    }
}
