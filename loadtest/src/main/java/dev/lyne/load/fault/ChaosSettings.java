package dev.lyne.load.fault;

import java.util.Set;

/**
 * Settings of a run of chaos.
 *
 * @param seed of the schedule of faults
 * @param minutes that faults strike for
 * @param faultSeconds between faults of the network; other faults come a third as often
 * @param leftOut kinds that this machine cannot have
 */
public record ChaosSettings(
        long seed, double minutes, int students, int replicas, double faultSeconds, Set<FaultKind> leftOut) {
    public ChaosSettings {
        require(minutes > 0 && minutes <= 24 * 60, "minutes", minutes, "above 0, at most 1440");
        require(students >= 1 && students <= 64, "students", students, "1..64");
        require(replicas >= 1 && replicas <= 16, "replicas", replicas, "1..16");
        require(faultSeconds >= 1 && faultSeconds <= 3_600, "fault_seconds", faultSeconds, "1..3600");
        leftOut = Set.copyOf(leftOut);
    }

    private static void require(boolean holds, String name, Object value, String expected) {
        if (!holds) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: " + expected + ")");
        }
    }

    /** Whether a kind may strike: the machine can have it, and it leaves a replica that serves. */
    boolean mayStrike(FaultKind kind) {
        return !leftOut.contains(kind) && (kind != FaultKind.KILL_SERVER || replicas > 1);
    }

    /** How long faults strike for. */
    long millis() {
        return (long) (minutes * 60_000);
    }
}
