package dev.lyne.load.bench;

import dev.lyne.load.plan.Deployment;
import dev.lyne.load.plan.Workload;
import java.util.List;

/**
 * A small set-up that is predicted and measured.
 *
 * @param name of one word
 * @param teacher as {@code lyne serve} takes it
 * @param window sequences that a student keeps in flight
 * @param repeated share of sequences from a pool in common
 * @param mbit what the network carries, of all students together; infinite for the loopback interface as it is
 */
public record PlanSetUp(
        String name,
        String teacher,
        int students,
        int window,
        double thinkMillis,
        int tokens,
        double repeated,
        int pool,
        double delayMillis,
        double mbit) {
    private static final double CACHE_BYTES = 256 << 20; // the server's own default
    private static final double FAST = 1e12;

    /** Limited by the teacher, by reuse and pauses, by the network, and by a real model's forward. */
    public static List<PlanSetUp> all(String synthetic) {
        double none = Double.POSITIVE_INFINITY;
        return List.of(
                new PlanSetUp("teacher", synthetic, 3, 12, 0, 200, 0, 1, 0, none),
                new PlanSetUp("reuse", synthetic, 6, 3, 60, 200, 0.6, 100, 0, none),
                new PlanSetUp("network", synthetic, 2, 16, 0, 256, 1, 64, 15, 40),
                new PlanSetUp("model", "demo", 3, 4, 200, 64, 0.5, 40, 0, none));
    }

    boolean hasNetwork() {
        return delayMillis > 0 || mbit < Double.POSITIVE_INFINITY;
    }

    /** Returns the options for {@code lyne load}. */
    List<String> loadOptions() {
        return List.of(
                "--students=" + students,
                "--in-flight=" + window,
                "--think-ms=" + thinkMillis,
                "--tokens=" + tokens,
                "--repeated=" + repeated,
                "--pool=" + pool);
    }

    /** Returns the work for the simulation. */
    Workload workload() {
        return new Workload(
                students,
                new Workload.Rhythm(0, 1, window, thinkMillis / 1e3, 0),
                new Workload.Sequences(tokens, tokens - 1, 0, false, repeated, pool),
                1);
    }

    /** Returns the deployment: one server, and what is between it and the students. */
    Deployment deployment() {
        return new Deployment(1, CACHE_BYTES, false, false, delayMillis / 1e3, FAST, Math.min(FAST, mbit * 1e6 / 8));
    }
}
