package dev.lyne.load.plan;

import java.util.List;
import java.util.stream.Stream;

/**
 * How much it takes.
 *
 * @param positionsPerSecondWanted what keeps every student computing; infinite where students compute nothing
 * @param replicasAtLeast replicas whose devices could compute all that is wanted if nothing were shared, by arithmetic alone
 * @param chosen the simulated outcome of the replicas that were given or found
 * @param caches the same with other cache sizes, from none to all of the corpus; empty where there is no corpus, or they were not asked for
 * @param bytesPerSecondPerStudent mean
 * @param bytesPerSecondPerReplica mean
 * @param met whether the stall is at most the one that was allowed
 */
public record CapacityPlan(
        double positionsPerSecondWanted,
        double replicasAtLeast,
        Simulation.Outcome chosen,
        List<CacheSize> caches,
        double bytesPerSecondPerStudent,
        double bytesPerSecondPerReplica,
        boolean met) {
    private static final int MOST_REPLICAS = 1_024;

    /** Size of a cache, and the outcome with it. */
    public record CacheSize(double mebibytesPerReplica, Simulation.Outcome outcome) {}

    /**
     * Question of a plan: what to find, and how long to simulate.
     *
     * @param cacheSizes whether other cache sizes are tried, too
     */
    public record Question(boolean findReplicas, double maxStallShare, boolean cacheSizes, Horizon horizon) {}

    /** Answers a question. */
    public static CapacityPlan of(TeacherCost cost, Workload work, Deployment deployment, Question question) {
        double wanted = work.positionsPerSecondWanted();
        Simulation.Outcome chosen = question.findReplicas()
                ? find(cost, work, deployment, question)
                : run(cost, work, deployment, question);
        Deployment found = deployment.withReplicas(chosen.replicas());
        double corpusBytes = work.sequences().corpusSequences()
                * cost.bytesPerPosition()
                * work.sequences().positions();
        List<CacheSize> caches = question.cacheSizes() && corpusBytes > 0
                ? Stream.of(0.0, 0.01, 0.1, 0.5, 1.0)
                        .parallel()
                        .map(share -> new CacheSize(
                                share * corpusBytes / (1 << 20),
                                run(cost, work, found.withCacheBytes(share * corpusBytes), question)))
                        .toList()
                : List.of();
        return new CapacityPlan(
                wanted,
                work.devicesAtLeast(cost),
                chosen,
                caches,
                chosen.bytesPerSecond() / work.students(),
                chosen.bytesPerSecond() / chosen.replicas(),
                chosen.stallShare() <= question.maxStallShare());
    }

    private static Simulation.Outcome run(TeacherCost cost, Workload work, Deployment deployment, Question question) {
        return Simulation.run(cost, work, deployment, question.horizon());
    }

    /** The fewest replicas that keep the stall low: doubled until they do, then halved in between. */
    private static Simulation.Outcome find(TeacherCost cost, Workload work, Deployment deployment, Question question) {
        boolean reuse =
                work.sequences().corpusSequences() > 0 || work.sequences().repeatedShare() > 0;
        double computable = work.devicesAtLeast(cost) * (1 - question.maxStallShare());
        int few =
                reuse ? 0 : (int) Math.min(MOST_REPLICAS - 1, Math.ceil(computable) - 1); // too few by arithmetic alone
        int many = few + 1;
        Simulation.Outcome enough = run(cost, work, deployment.withReplicas(many), question);
        for (int more = 1; enough.stallShare() > question.maxStallShare() && many < MOST_REPLICAS; more *= 2) {
            few = many;
            many = Math.min(MOST_REPLICAS, many + more);
            enough = run(cost, work, deployment.withReplicas(many), question);
        }
        while (many - few > 1 && enough.stallShare() <= question.maxStallShare()) {
            int middle = (few + many) / 2;
            Simulation.Outcome outcome = run(cost, work, deployment.withReplicas(middle), question);
            if (outcome.stallShare() <= question.maxStallShare()) {
                many = middle;
                enough = outcome;
            } else {
                few = middle;
            }
        }
        return enough;
    }
}
