package dev.lyne.teacher.tenant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class FairOrderTest {
    /** Work of one stream. */
    private record Work(int number, double cost, Flow flow) {}

    private final FairOrder<Work> order = new FairOrder<>();
    private int numbers;

    private static Flow flow(String tenant, double weight, PriorityClass priority, long stream) {
        return new Flow(new Tenant(tenant, weight, Optional.empty()), priority, stream);
    }

    private static Flow flow(String tenant, double weight, long stream) {
        return flow(tenant, weight, PriorityClass.TRAINING, stream);
    }

    private Work add(Flow flow, double cost) {
        Work work = new Work(++numbers, cost, flow);
        order.put(work, List.of(flow), cost);
        return work;
    }

    private Work serve() {
        Work work = order.first();
        order.take(work, work.cost());
        return work;
    }

    /** Pair of siblings: what each got while they had work, over their weights, and how far apart it came and went. */
    private static final class Pair {
        private double difference;
        private double least;
        private double greatest;
        private boolean both;

        void step(double difference, boolean bothWait) {
            if (!bothWait || !both) {
                least = difference;
                greatest = difference;
            }
            both = bothWait;
            this.difference = difference;
            least = Math.min(least, difference);
            greatest = Math.max(greatest, difference);
        }

        double spread() {
            return greatest - least;
        }
    }

    /**
     * The theorem of start-time fair queueing against a schedule that is fair to the bit: over any time in which two siblings have work,
     * what they got over their weights differs by one piece of each at most.
     */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
    void first_anyArrivals_differsFromTheFairScheduleByOnePieceEach(long seed) {
        Random random = new Random(seed);
        int siblings = 2 + random.nextInt(5);
        boolean tenants = random.nextBoolean();
        double[] weights = new double[siblings];
        double[] largest = new double[siblings];
        List<List<Flow>> flows = new ArrayList<>();
        for (int i = 0; i < siblings; i++) {
            weights[i] = tenants ? 0.25 + 4 * random.nextDouble() : 1;
            largest[i] = 1 + random.nextInt(100);
            List<Flow> own = new ArrayList<>();
            for (int stream = 0; stream < (tenants ? 1 + random.nextInt(3) : 1); stream++) {
                own.add(tenants ? flow("tenant-" + i, weights[i], stream) : flow("one", 3, i));
            }
            flows.add(own);
        }
        double[] got = new double[siblings];
        int[] waiting = new int[siblings];
        Pair[][] pairs = new Pair[siblings][siblings];
        Map<Work, Integer> whose = new HashMap<>();
        for (int step = 0; step < 20_000; step++) {
            int who = random.nextInt(siblings);
            boolean quiet = (step / 500 + who) % 3 == 0; // everybody pauses now and then
            if (!quiet && waiting[who] < 20) {
                List<Flow> own = flows.get(who);
                Work work = add(own.get(random.nextInt(own.size())), 1 + random.nextInt((int) largest[who]));
                whose.put(work, who);
                waiting[who]++;
            }
            if (!order.isEmpty() && random.nextInt(3) > 0) {
                boolean[] had = new boolean[siblings];
                for (int i = 0; i < siblings; i++) {
                    had[i] = waiting[i] > 0;
                }
                Work served = serve();
                int server = whose.getOrDefault(served, -1);
                got[server] += served.cost();
                waiting[server]--;
                for (int i = 0; i < siblings; i++) {
                    for (int j = 0; j < i; j++) {
                        Pair pair = pairs[i][j] == null ? pairs[i][j] = new Pair() : pairs[i][j];
                        pair.step(got[i] / weights[i] - got[j] / weights[j], had[i] && had[j]);
                        assertThat(pair.spread())
                                .as("seed %d, step %d, siblings %d and %d", seed, step, i, j)
                                .isLessThanOrEqualTo(largest[i] / weights[i] + largest[j] / weights[j] + 1e-6);
                    }
                }
            }
        }
    }

    @Test
    void charge_forWhatIsGotElsewhere_countsWhileOthersWait() {
        Flow decodes = flow("decodes", 1, 1);
        Flow scores = flow("scores", 1, 2);
        order.charge(decodes, 100, 10);
        for (int i = 0; i < 20; i++) {
            add(decodes, 1);
            add(scores, 1);
        }
        order.charge(decodes, 6, 10);

        List<String> tenants = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            tenants.add(serve().flow().tenant().name());
        }
        assertThat(tenants)
                .as("nothing is owed for what was got while nobody waited; then six turns, and each in turn")
                .containsExactly(
                        "scores", "scores", "scores", "scores", "scores", "scores", "decodes", "scores", "decodes",
                        "scores");

        order.charge(decodes, 1_000, 3);
        List<String> then = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            then.add(serve().flow().tenant().name());
        }
        assertThat(then).as("a debt has a bound").filteredOn("decodes"::equals).hasSizeGreaterThanOrEqualTo(2);
    }

    @Test
    void charge_ofATenant_takesNothingFromOthersOfItsClass() {
        Flow decodes = flow("decodes", 1, PriorityClass.CAPTURE, 1);
        Flow scores = flow("scores", 1, PriorityClass.CAPTURE, 2);
        Flow trains = flow("trains", 1, PriorityClass.TRAINING, 3);
        int served = 0;
        for (int i = 0; i < 1_000; i++) {
            add(scores, 1);
            add(trains, 1);
            order.charge(decodes, 1, 20);
            served += serve().flow().equals(scores) ? 1 : 0;
        }
        assertThat(served).as("a fifth, as 4 is to 1").isBetween(195, 205);
    }

    @Test
    void first_whoComesBackAfterAPause_hasSavedNothingUp() {
        for (int i = 0; i < 100; i++) {
            add(flow("busy", 1, 1), 10);
        }
        for (int i = 0; i < 50; i++) {
            serve();
        }
        for (int i = 0; i < 50; i++) {
            add(flow("late", 1, 2), 10);
        }
        int late = 0;
        for (int i = 0; i < 40; i++) {
            late += serve().flow().tenant().name().equals("late") ? 1 : 0;
        }
        assertThat(late).isBetween(19, 21);
    }

    @Test
    void first_classes_shareByTheirWeightsAndNoneStarves() {
        Map<PriorityClass, Integer> got = new HashMap<>();
        for (int i = 0; i < 2_000; i++) {
            for (PriorityClass each : PriorityClass.values()) {
                add(flow("one", 1, each, each.ordinal()), 1);
            }
        }
        for (int i = 0; i < 2_100; i++) {
            got.merge(serve().flow().priority(), 1, Integer::sum);
        }
        assertThat(got.get(PriorityClass.INTERACTIVE)).isBetween(1_598, 1_602);
        assertThat(got.get(PriorityClass.TRAINING)).isBetween(398, 402);
        assertThat(got.get(PriorityClass.CAPTURE)).isBetween(98, 102);
    }

    @Test
    void put_workOfSeveral_hasTheBestOfTheirTurnsAndTheirTenantsPayItTogether() {
        Flow slow = flow("slow", 1, PriorityClass.CAPTURE, 1);
        Flow quick = flow("quick", 1, PriorityClass.INTERACTIVE, 2);
        for (int i = 0; i < 10; i++) {
            add(slow, 1);
        }
        Work shared = add(slow, 8);
        order.put(shared, List.of(slow, quick), shared.cost());
        assertThat(serve()).as("the first of the most urgent").isEqualTo(shared);

        Flow rival = flow("rival", 1, PriorityClass.INTERACTIVE, 3);
        for (int i = 0; i < 10; i++) {
            add(quick, 1);
            add(rival, 1);
        }
        int ofRival = 0;
        for (int i = 0; i < 8; i++) {
            ofRival += serve().flow().equals(rival) ? 1 : 0;
        }
        assertThat(ofRival).as("half of 8 is quick's; the other half is slow's").isBetween(4, 6);
    }

    @Test
    void take_afterAnAskerLeft_isPaidByThoseWhoStay() {
        Flow gone = flow("gone", 1, 1);
        Flow stays = flow("stays", 1, 2);
        add(gone, 1);
        add(stays, 1);
        Work shared = add(gone, 100);
        order.put(shared, List.of(gone, stays), shared.cost());
        order.put(shared, List.of(stays), shared.cost());
        while (!order.isEmpty() && serve() != shared) {
            assertThat(order.waitingStreams()).isPositive();
        }
        for (int i = 0; i < 50; i++) {
            add(gone, 1);
        }
        add(stays, 1);
        int before = 0;
        while (!serve().flow().equals(stays)) {
            before++;
        }
        assertThat(before).as("who left pays nothing of 100").isLessThan(52);
    }

    @Test
    void firstFitting_whoHasNothingThatFits_isPassedOverAndKeepsItsTurn() {
        Work large = add(flow("a", 1, 1), 100);
        Work small = add(flow("b", 1, 2), 1);
        assertThat(order.firstFitting(work -> work.cost() < 10, 8)).contains(small);
        order.take(small, 1);
        assertThat(order.firstFitting(work -> work.cost() < 10, 8)).isEmpty();
        assertThat(order.isEmpty()).isTrue();
        order.putBack();
        assertThat(serve()).isEqualTo(large);
    }

    @Test
    void put_manyStreamsThatComeAndGo_keepsNoTableOfThem() {
        for (int i = 0; i < 100_000; i++) {
            add(flow("tenant-" + i, 1, i), 1 + i % 7);
            serve();
        }
        assertThat(order.knownStreams()).isLessThan(2_000);
        assertThat(order.isEmpty()).isTrue();
    }

    @Test
    void expectedWait_ofAStream_isWhatIsBeforeItAtItsShare() {
        Flow greedy = flow("greedy", 1, 1);
        Flow modest = flow("modest", 1, 2);
        for (int i = 0; i < 100; i++) {
            add(greedy, 10);
        }
        assertThat(order.expectedWait(greedy)).isEqualTo(1_000);
        assertThat(order.expectedWait(modest)).isZero();
        add(modest, 10);
        assertThat(order.expectedWait(modest))
                .as("its one, in turn with the other's")
                .isEqualTo(20);
        assertThat(order.expectedWait(greedy)).as("all that waits at most").isEqualTo(1_010);
        assertThat(order.lines())
                .extracting(FairOrder.TenantLine::tenant, FairOrder.TenantLine::sequences, FairOrder.TenantLine::cost)
                .containsExactly(tuple("greedy", 100, 1_000.0), tuple("modest", 1, 10.0));
        while (!order.isEmpty()) {
            serve();
        }
        assertThat(order.expectedWait(greedy)).isZero();
        assertThat(order.lines()).isEmpty();
    }
}
