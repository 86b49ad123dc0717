package dev.lyne.load.plan;

import java.io.PrintStream;

/** A capacity plan for people. */
public final class PlanText {
    private PlanText() {}

    /** Prints what it takes, a fact a line. */
    public static void print(PrintStream out, TeacherCost cost, Workload work, CapacityPlan plan, double maxStall) {
        Simulation.Outcome chosen = plan.chosen();
        out.printf(
                "a replica            %.2f ms a batch and %.2f us a token: %,.0f tokens/s in batches of %,d%n",
                cost.secondsPerBatch() * 1e3,
                cost.secondsPerToken() * 1e6,
                cost.tokensPerSecond(),
                cost.maxBatchTokens());
        if (work.rhythm().stepSeconds() > 0) {
            out.printf("positions/s wanted   %,.0f%n", plan.positionsPerSecondWanted());
            out.printf("replicas, arithmetic %.2f if no row were used twice%n", plan.replicasAtLeast());
        }
        out.printf("replicas             %d%n", chosen.replicas());
        out.printf(
                "positions/s          %,.0f, %,.0f of them computed, hit ratio %.3f%n",
                chosen.positionsPerSecond(), chosen.computedPerSecond(), chosen.hitRatio());
        out.printf("latency, mean        %.1f ms%n", chosen.latencyMillis());
        if (work.rhythm().stepSeconds() > 0) {
            out.printf(
                    "stall                %.1f %% of the students' time, %.1f %% of the worst's%s%n",
                    chosen.stallShare() * 100,
                    chosen.worstStallShare() * 100,
                    plan.met() ? "" : String.format(" (more than the %.1f %% allowed)", maxStall * 100));
        }
        out.printf(
                "devices busy         %.1f %%, the busiest %.1f %%%n",
                chosen.deviceBusyShare() * 100, chosen.busiestDeviceShare() * 100);
        out.printf(
                "network              %,.2f Mbit/s a student, %,.2f Mbit/s a replica%n",
                plan.bytesPerSecondPerStudent() * 8 / 1e6, plan.bytesPerSecondPerReplica() * 8 / 1e6);
        plan.caches()
                .forEach(cache -> out.printf(
                        "cache of %,10.0f MiB a replica: hit ratio %.3f, stall %.1f %%, devices busy %.1f %%%n",
                        cache.mebibytesPerReplica(),
                        cache.outcome().hitRatio(),
                        cache.outcome().stallShare() * 100,
                        cache.outcome().deviceBusyShare() * 100));
    }
}
