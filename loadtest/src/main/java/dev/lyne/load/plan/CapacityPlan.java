package dev.lyne.load.plan;

import java.util.ArrayList;
import java.util.List;

/**
 * How much it takes.
 *
 * @param positionsPerSecondWanted what keeps every student computing; infinite where students compute nothing
 * @param replicasAtLeast replicas whose devices could compute all that is wanted if nothing were shared, by arithmetic alone
 * @param chosen the simulated outcome of the replicas that were given or found
 * @param caches the same with other cache sizes, from none to all of the corpus; empty where there is no corpus
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

    /** One cache size and what came of it. */
    public record CacheSize(double mebibytesPerReplica, Simulation.Outcome outcome) {}

    /** How long to simulate, and what to reach. */
    public record Question(boolean findReplicas, double maxStallShare, double warmUpSeconds, double seconds) {}

    /** Answers a question. */
    public static CapacityPlan of(TeacherCost cost, Workload work, Deployment deployment, Question question) {
        double wanted = work.positionsPerSecondWanted();
        double atLeast = wanted * ((double) work.tokens() / work.positions()) / cost.tokensPerSecond();
        Simulation.Outcome chosen = question.findReplicas()
                ? find(cost, work, deployment, question)
                : run(cost, work, deployment, question);
        Deployment found = deployment.withReplicas(chosen.replicas());
        List<CacheSize> caches = new ArrayList<>();
        double corpusBytes = work.corpusSequences() * cost.bytesPerPosition() * work.positions();
        for (double share : work.corpusSequences() == 0 ? new double[0] : new double[] {0, 0.01, 0.1, 0.5, 1}) {
            Deployment other = found.withCacheBytes(share * corpusBytes);
            caches.add(new CacheSize(share * corpusBytes / (1 << 20), run(cost, work, other, question)));
        }
        return new CapacityPlan(
                wanted,
                atLeast,
                chosen,
                caches,
                chosen.bytesPerSecond() / work.students(),
                chosen.bytesPerSecond() / chosen.replicas(),
                chosen.stallShare() <= question.maxStallShare());
    }

    private static Simulation.Outcome run(TeacherCost cost, Workload work, Deployment deployment, Question question) {
        return Simulation.run(cost, work, deployment, question.warmUpSeconds(), question.seconds());
    }

    /** The fewest replicas that keep the stall low: doubled until they do, then halved in between. */
    private static Simulation.Outcome find(TeacherCost cost, Workload work, Deployment deployment, Question question) {
        int few = 0;
        int many = 1;
        Simulation.Outcome enough = run(cost, work, deployment.withReplicas(many), question);
        while (enough.stallShare() > question.maxStallShare() && many < MOST_REPLICAS) {
            few = many;
            many *= 2;
            enough = run(cost, work, deployment.withReplicas(many), question);
        }
        while (many - few > 1) {
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
