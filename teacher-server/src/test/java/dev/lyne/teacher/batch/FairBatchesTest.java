package dev.lyne.teacher.batch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.teacher.tenant.Flow;
import dev.lyne.teacher.tenant.PriorityClass;
import dev.lyne.teacher.tenant.Tenant;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Batches of several tenants and streams, of a device whose forwards take a nanosecond a token and position. */
final class FairBatchesTest {
    private static final long FAIR_NANOS = 2_000;

    /** A sequence with every position wanted. */
    private static final class Job extends FakeJob {
        private List<Flow> flows;

        Job(int length, Flow... flows) {
            super(length, length, 8);
            this.flows = List.of(flows);
        }

        @Override
        public List<Flow> flows() {
            return flows;
        }
    }

    private final ForwardCosts costs = new ForwardCosts();
    private final BatchQueue queue = new BatchQueue(
            BatchOptions.of(100_000, Duration.ofNanos(10)).withFairBatch(Duration.ofNanos(FAIR_NANOS)), costs);
    private long now;

    private static Flow flow(String tenant, double weight, long stream) {
        return new Flow(new Tenant(tenant, weight, Optional.empty()), PriorityClass.TRAINING, stream);
    }

    private List<Job> run() {
        BatchQueue.Decision decision = queue.next(now);
        if (decision instanceof BatchQueue.Decision.Wait wait) {
            now += wait.nanos();
            decision = queue.next(now);
        }
        List<Job> batch = ((BatchQueue.Decision.Run) decision)
                .batch().stream().map(waiting -> (Job) waiting.job()).toList();
        long nanos = batch.stream().mapToLong(job -> 2L * job.length()).sum();
        costs.add(
                batch.stream().map(Job::item).toList(),
                batch.get(0).content(),
                batch.get(0).entries(),
                nanos);
        now += nanos;
        return batch;
    }

    private static long nanos(List<Job> batch) {
        return batch.stream().mapToLong(job -> 2L * job.length()).sum();
    }

    @Test
    void next_severalStreamsWait_takesNoLongerThanIsFair() {
        queue.add(new Job(100, flow("a", 1, 1)), 0);
        run();
        for (int i = 0; i < 40; i++) {
            queue.add(new Job(100, flow("a", 1, 1)), now);
        }
        assertThat(nanos(run())).as("one stream alone is not cut").isEqualTo(40 * 200);
        for (int i = 0; i < 40; i++) {
            queue.add(new Job(100, flow("a", 1, 1)), now);
            queue.add(new Job(100, flow("b", 1, 2)), now);
        }
        List<Job> batch = run();
        assertThat(nanos(batch)).isEqualTo(FAIR_NANOS);
        assertThat(batch.stream().filter(job -> job.flows.get(0).stream() == 1)).hasSize(5);
        queue.add(new Job(5_000, flow("c", 100, 3)), now);
        List<List<Job>> batches = new ArrayList<>();
        while (queue.size() > 0) {
            batches.add(run());
        }
        assertThat(batches)
                .allMatch(each -> nanos(each) <= FAIR_NANOS || each.size() == 1)
                .as("the longer one runs alone")
                .anyMatch(each -> each.size() == 1 && each.get(0).length() == 5_000);
    }

    @Test
    void next_oneLeftAfterSeveralWaited_isStillCutForTheOneThatMayComeBack() {
        queue.add(new Job(100, flow("a", 1, 1)), 0);
        queue.add(new Job(100, flow("b", 1, 2)), 0);
        run();
        for (int i = 0; i < 40; i++) {
            queue.add(new Job(100, flow("a", 1, 1)), now);
        }
        assertThat(nanos(run())).isEqualTo(FAIR_NANOS);
        now += Duration.ofSeconds(11).toNanos();
        assertThat(nanos(run())).isEqualTo(30 * 200);
    }

    @Test
    void expectedWait_ofAStream_growsWithItsOwnLineAndNotWithAnothers() {
        queue.add(new Job(100, flow("a", 1, 1)), 0);
        run();
        for (int i = 0; i < 40; i++) {
            queue.add(new Job(100, flow("a", 1, 1)), now);
        }
        assertThat(queue.expectedWaitNanos(new Job(100, flow("a", 1, 1)))).isEqualTo(40 * 200);
        assertThat(queue.expectedWaitNanos(new Job(100, flow("b", 1, 2)))).isZero();
        assertThat(queue.takeStale(now + Duration.ofSeconds(9).toNanos())).isEmpty();
        assertThat(queue.takeStale(now + Duration.ofSeconds(11).toNanos())).hasSize(40);
        assertThat(queue.size()).isZero();
        assertThat(queue.lines()).isEmpty();
    }

    @Test
    void flowsChanged_anotherJoins_bringsItsTurnForward() {
        for (int i = 0; i < 40; i++) {
            queue.add(new Job(500, flow("a", 1, 1)), 0);
        }
        Job last = new Job(500, flow("a", 1, 1));
        queue.add(last, 0);
        last.flows = List.of(flow("a", 1, 1), flow("b", 1, 2));
        queue.flowsChanged(last, 0);
        List<Job> early = new ArrayList<>(run());
        early.addAll(run());
        assertThat(early).contains(last);
    }

    /** Ten tenants of unequal weight, each with another number of students that always wait for an answer. */
    @Test
    void next_fiveThousandStudentsOfTenTenants_getTheirSharesWithinFivePercent() {
        Random random = new Random(7);
        double[] weights = {1, 1, 2, 3, 1, 0.5, 4, 1, 2, 1};
        int[] students = {50, 950, 500, 500, 10, 990, 700, 300, 900, 100};
        double whole = 0;
        for (double weight : weights) {
            whole += weight;
        }
        long stream = 0;
        for (int tenant = 0; tenant < weights.length; tenant++) {
            for (int i = 0; i < students[tenant]; i++) {
                stream++;
                for (int window = 0; window < (tenant == 4 ? 8 : 1); window++) {
                    queue.add(new Job(32 + random.nextInt(200), flow("tenant-" + tenant, weights[tenant], stream)), 0);
                }
            }
        }
        double[] got = new double[weights.length];
        double total = 0;
        for (int forward = 0; forward < 20_000; forward++) {
            List<Job> batch = run();
            for (Job job : batch) {
                Flow flow = job.flows.get(0);
                got[Integer.parseInt(flow.tenant().name().substring(7))] += 2.0 * job.length();
                total += 2.0 * job.length();
                queue.add(new Job(32 + random.nextInt(200), flow), now);
            }
        }
        for (int tenant = 0; tenant < weights.length; tenant++) {
            assertThat(got[tenant] / total / (weights[tenant] / whole))
                    .as("tenant %d", tenant)
                    .isBetween(0.95, 1.05);
        }
    }
}
