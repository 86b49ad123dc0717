package dev.lyne.load.plan;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** A discrete-event simulation of students on replicas. A pure function of what it is given. */
public final class Simulation {
    /** Estimated bytes that a simulation holds for a student: objects, tables and events. */
    private static final double BYTES_OF_A_STUDENT = 512;

    private static final double BYTES_IN_FLIGHT = 320;
    private static final double BYTES_STORED = 112;

    /** Most sequences of a simulation: a million take a second or two. */
    private static final double MOST_SEQUENCES = 1e9;

    private Simulation() {}

    /**
     * Outcome of the counted time.
     *
     * @param computedPerSecond positions a second that devices computed
     * @param hitRatio share of sequences not computed for their caller
     * @param stallShare share of the students' time spent waiting for rows, or that will be when what they have in stock is used up,
     *     whichever is more
     * @param worstStallShare the same of the student that waited most
     * @param deviceBusyShare mean over the replicas
     * @param busiestDeviceShare of the busiest replica
     * @param latencyMillis mean from asking for a sequence to having it
     * @param bytesPerSecond over all replicas
     */
    public record Outcome(
            int replicas,
            double positionsPerSecond,
            double computedPerSecond,
            double hitRatio,
            double stallShare,
            double worstStallShare,
            double deviceBusyShare,
            double busiestDeviceShare,
            double latencyMillis,
            double bytesPerSecond) {}

    /** Totals at a moment. */
    private record Totals(long answered, long computed, long asked, double latency, double[] waited, double[] busy) {}

    /**
     * Runs it.
     *
     * @param horizon how long to simulate
     */
    public static Outcome run(TeacherCost cost, Workload work, Deployment deployment, Horizon horizon) {
        requireHolds(cost, work, deployment, horizon, Runtime.getRuntime().maxMemory());
        var events = new SimulatedEventQueue();
        Set<Long> shared = new HashSet<>();
        List<SimulatedReplica> replicas = new ArrayList<>();
        for (int i = 0; i < deployment.replicas(); i++) {
            replicas.add(new SimulatedReplica(i, cost, work, deployment, events, shared));
        }
        List<SimulatedStudent> students = new ArrayList<>();
        for (int i = 0; i < work.students(); i++) {
            var student = new SimulatedStudent(i, cost, work, deployment, events, replicas);
            students.add(student);
            events.at(work.rhythm().staggerSeconds() * i, student::start);
        }
        events.runUntil(horizon.warmUpSeconds());
        Totals before = totals(students, replicas);
        events.runUntil(horizon.warmUpSeconds() + horizon.seconds());
        return outcome(work, cost, before, totals(students, replicas), horizon.seconds());
    }

    /**
     * Refuses what a heap does not hold: each student's sequences in flight, and the keys of rows that are stored by its end.
     *
     * @throws IllegalArgumentException with what it would take
     */
    static void requireHolds(TeacherCost cost, Workload work, Deployment deployment, Horizon horizon, long heapBytes) {
        double seconds = horizon.warmUpSeconds() + horizon.seconds();
        double computed = deployment.replicas()
                * cost.tokensPerSecond()
                * seconds
                / work.sequences().tokens();
        if (work.rhythm().stepSeconds() > 0) {
            computed = Math.min(
                    computed, work.positionsPerSecondWanted() / work.sequences().positions() * seconds);
        }
        double rowsBytes = cost.bytesPerPosition() * work.sequences().positions();
        if (!(computed <= MOST_SEQUENCES)) {
            throw new IllegalArgumentException(String.format(
                    "a simulation of %.3g s asks for about %.3g sequences (expected: at most %.0g, which take half an hour;"
                            + " a shorter --duration or --stagger, or fewer students)",
                    seconds, computed, MOST_SEQUENCES));
        }
        double stored = Math.min(computed, deployment.replicas() * deployment.cacheBytesPerReplica() / rowsBytes)
                + (deployment.sharedCache() ? computed : 0);
        double bytes = (double) work.students()
                        * (BYTES_OF_A_STUDENT
                                + 4.0 * deployment.replicas()
                                + BYTES_IN_FLIGHT * work.rhythm().windowSequences())
                + BYTES_STORED * stored;
        if (bytes > heapBytes / 4.0 * 3) {
            throw new IllegalArgumentException(String.format(
                    "a simulation of %d students with %d sequences in flight each, %d replicas and %.0f s takes about"
                            + " %.0f MiB (expected: at most %.0f, three quarters of the heap; fewer of them, a shorter"
                            + " --duration, or more LYNE_HEAP)",
                    work.students(),
                    work.rhythm().windowSequences(),
                    deployment.replicas(),
                    seconds,
                    bytes / (1 << 20),
                    heapBytes / 4.0 * 3 / (1 << 20)));
        }
    }

    private static Totals totals(List<SimulatedStudent> students, List<SimulatedReplica> replicas) {
        students.forEach(SimulatedStudent::settle);
        return new Totals(
                students.stream().mapToLong(student -> student.answered).sum(),
                replicas.stream().mapToLong(replica -> replica.computed).sum(),
                replicas.stream()
                        .mapToLong(replica -> replica.computed + replica.hits + replica.coalesced)
                        .sum(),
                students.stream().mapToDouble(student -> student.latencySeconds).sum(),
                students.stream().mapToDouble(student -> student.waitedSeconds).toArray(),
                replicas.stream()
                        .mapToDouble(SimulatedReplica::deviceBusySeconds)
                        .toArray());
    }

    private static Outcome outcome(Workload work, TeacherCost cost, Totals before, Totals after, double seconds) {
        double answered = after.answered() - before.answered();
        double asked = after.asked() - before.asked();
        double computed = after.computed() - before.computed();
        double[] stall = shares(before.waited(), after.waited(), seconds);
        double[] busy = shares(before.busy(), after.busy(), seconds);
        double positions = answered * work.sequences().positions() / seconds;
        double shortOf = Math.max(0, 1 - positions / work.positionsPerSecondWanted());
        return new Outcome(
                busy.length,
                positions,
                computed * work.sequences().positions() / seconds,
                asked == 0 ? 0 : 1 - computed / asked,
                work.rhythm().stepSeconds() == 0 ? mean(stall) : Math.max(mean(stall), shortOf),
                most(stall),
                mean(busy),
                most(busy),
                answered == 0 ? 0 : (after.latency() - before.latency()) / answered * 1e3,
                positions * cost.bytesPerPosition());
    }

    private static double[] shares(double[] before, double[] after, double seconds) {
        double[] shares = new double[before.length];
        for (int i = 0; i < shares.length; i++) {
            shares[i] = Math.min(1, (after[i] - before[i]) / seconds);
        }
        return shares;
    }

    private static double mean(double[] values) {
        double sum = 0;
        for (double value : values) {
            sum += value;
        }
        return sum / values.length;
    }

    private static double most(double[] values) {
        double most = 0;
        for (double value : values) {
            most = Math.max(most, value);
        }
        return most;
    }
}
