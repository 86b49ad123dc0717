package dev.lyne.load.plan;

/**
 * Where it runs.
 *
 * @param replicas teacher servers
 * @param cacheBytesPerReplica bytes of rows that a replica keeps; 0 for none
 * @param sharedCache whether a row that one replica computed is stored for all, without bound
 * @param longRun whether caches hold from the start what they hold in the long run, when students have gone through their corpus; else
 *     they are empty
 * @param delaySeconds from a student to a replica, one way
 * @param studentBytesPerSecond what a student's network carries; infinite for no limit
 * @param replicaBytesPerSecond what a replica's network carries
 */
public record Deployment(
        int replicas,
        double cacheBytesPerReplica,
        boolean sharedCache,
        boolean longRun,
        double delaySeconds,
        double studentBytesPerSecond,
        double replicaBytesPerSecond) {
    public Deployment {
        require(replicas >= 1 && replicas <= 10_000, "replicas", replicas, "1..10000");
        require(cacheBytesPerReplica >= 0, "cache_mib", cacheBytesPerReplica, "0 or more");
        require(delaySeconds >= 0, "delay", delaySeconds, "0 or more");
        require(studentBytesPerSecond > 0, "student_network", studentBytesPerSecond, "above 0");
        require(replicaBytesPerSecond > 0, "replica_network", replicaBytesPerSecond, "above 0");
    }

    Deployment withReplicas(int number) {
        return new Deployment(
                number,
                cacheBytesPerReplica,
                sharedCache,
                longRun,
                delaySeconds,
                studentBytesPerSecond,
                replicaBytesPerSecond);
    }

    Deployment withCacheBytes(double bytes) {
        return new Deployment(
                replicas, bytes, sharedCache, longRun, delaySeconds, studentBytesPerSecond, replicaBytesPerSecond);
    }

    private static void require(boolean holds, String name, Object value, String expectation) {
        if (!holds) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: " + expectation + ")");
        }
    }
}
