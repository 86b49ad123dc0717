package dev.lyne.load.fault;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

final class FaultScheduleTest {
    private static final ChaosSettings TEN_MINUTES = settings(1, 10, 2, Set.of());

    private static ChaosSettings settings(long seed, double minutes, int replicas, Set<FaultKind> leftOut) {
        return new ChaosSettings(seed, minutes, 4, replicas, 5, leftOut);
    }

    private static List<Fault> faults(ChaosSettings settings) {
        return FaultSchedule.of(settings).faults();
    }

    private static Set<FaultKind> kinds(List<Fault> faults) {
        return faults.stream().map(Fault::kind).collect(Collectors.toCollection(() -> EnumSet.noneOf(FaultKind.class)));
    }

    @Test
    void schedule_sameSettings_isTheSame() {
        assertThat(faults(TEN_MINUTES)).isEqualTo(faults(settings(1, 10, 2, Set.of())));
    }

    @Test
    void schedule_anotherSeed_isAnother() {
        assertThat(faults(TEN_MINUTES)).isNotEqualTo(faults(settings(2, 10, 2, Set.of())));
    }

    @Test
    void schedule_anySeed_dealsEveryKindEarlyAndKeepsItsBounds() {
        for (long seed = 0; seed < 200; seed++) {
            List<Fault> faults = faults(settings(seed, 10, 2, Set.of()));
            assertThat(kinds(faults.stream()
                            .filter(fault -> fault.atMillis() < 180_000)
                            .toList()))
                    .as("seed %d", seed)
                    .containsExactlyInAnyOrder(FaultKind.values());
            assertThat(faults.stream().filter(fault -> fault.kind().strikes() == FaultKind.Strikes.NETWORK))
                    .hasSize(120);
            List<Long> kills = faults.stream()
                    .filter(fault -> fault.kind().kills())
                    .map(Fault::atMillis)
                    .toList();
            assertThat(kills).hasSizeGreaterThan(8);
            for (int i = 1; i < kills.size(); i++) {
                assertThat(kills.get(i) - kills.get(i - 1)).as("seed %d", seed).isGreaterThanOrEqualTo(30_000);
            }
            assertThat(faults).allSatisfy(fault -> {
                assertThat(fault.atMillis()).isBetween(0L, 599_999L);
                assertThat(fault.lastsMillis()).isBetween(1_000L, 12_000L);
                assertThat(fault.draw()).isBetween(0.0, 1.0);
                assertThat(fault.target())
                        .isBetween(
                                0,
                                switch (fault.kind().strikes()) {
                                    case STUDENT -> 3;
                                    case REDIS -> 0;
                                    case NETWORK, SERVER -> 1;
                                });
            });
        }
    }

    @Test
    void mayStrike_killOfTheOnlyReplicaOrWhatIsLeftOut_isNot() {
        assertThat(TEN_MINUTES.mayStrike(FaultKind.KILL_SERVER)).isTrue();
        assertThat(settings(1, 10, 1, Set.of()).mayStrike(FaultKind.KILL_SERVER))
                .isFalse();
        assertThat(settings(1, 10, 2, Set.of(FaultKind.DROP)).mayStrike(FaultKind.DROP))
                .isFalse();
    }

    @Test
    void schedule_networkFaults_areOverBeforeTheNext() {
        List<Fault> network = faults(TEN_MINUTES).stream()
                .filter(fault -> fault.kind().strikes() == FaultKind.Strikes.NETWORK)
                .toList();
        for (int i = 1; i < network.size(); i++) {
            Fault before = network.get(i - 1);
            assertThat(before.atMillis() + before.lastsMillis())
                    .isLessThanOrEqualTo(network.get(i).atMillis());
        }
    }

    @Test
    void schedule_oneReplica_neverKillsIt() {
        assertThat(kinds(faults(settings(3, 10, 1, Set.of())))).doesNotContain(FaultKind.KILL_SERVER);
    }

    @Test
    void schedule_kindsLeftOut_doNotComeUp() {
        Set<FaultKind> leftOut = Set.of(FaultKind.SERVER_DISK_FULL, FaultKind.STUDENT_DISK_FULL);
        assertThat(kinds(faults(settings(3, 10, 2, leftOut)))).doesNotContainAnyElementsOf(leftOut);
    }

    @Test
    void settings_impossible_areRefused() {
        assertThatThrownBy(() -> settings(1, 0, 2, Set.of())).hasMessageContaining("minutes: 0.0 (expected: above 0");
        assertThatThrownBy(() -> settings(1, 1, 17, Set.of())).hasMessageContaining("replicas: 17 (expected: 1..16)");
    }
}
