package dev.lyne.load.plan;

import java.util.List;
import java.util.SplittableRandom;

/**
 * A student: it keeps a window of sequences asked for or ready, takes them in order, and computes a step when all of the step's are
 * there. With pauses instead of steps, each place of the window goes its own way, as load's students do.
 */
final class SimulatedStudent {
    private final int number;
    private final TeacherCost cost;
    private final Workload work;
    private final Deployment deployment;
    private final SimulatedEventQueue events;
    private final List<SimulatedReplica> replicas;
    private final SplittableRandom random;
    private final Server network = new Server();
    private final double networkSecondsPerSequence;
    private final int[] inFlight; // by replica
    private final boolean[] arrived; // by index, modulo the window
    private long asked;
    private long ready; // every sequence before this one has arrived
    private long taken;
    private boolean computing;
    private double waitingSince;
    double waitedSeconds;
    double computedSeconds;
    long answered;
    double latencySeconds;

    SimulatedStudent(
            int number,
            TeacherCost cost,
            Workload work,
            Deployment deployment,
            SimulatedEventQueue events,
            List<SimulatedReplica> replicas) {
        this.number = number;
        this.cost = cost;
        this.work = work;
        this.deployment = deployment;
        this.events = events;
        this.replicas = replicas;
        this.random = new SplittableRandom(work.seed() * 0x9e3779b97f4a7c15L + number);
        this.networkSecondsPerSequence =
                cost.bytesPerPosition() * work.sequences().positions() / deployment.studentBytesPerSecond();
        this.inFlight = new int[replicas.size()];
        this.arrived = new boolean[work.rhythm().windowSequences()];
    }

    void start() {
        waitingSince = events.now();
        askOn();
    }

    private boolean paced() {
        return work.rhythm().stepSeconds() == 0;
    }

    private void askOn() {
        while (asked - taken < work.rhythm().windowSequences()) {
            ask(asked++);
        }
    }

    private void ask(long index) {
        int chosen = choose();
        inFlight[chosen]++;
        SimulatedReplica replica = replicas.get(chosen);
        double sentAt = events.now();
        long key = work.key(number, index, random);
        events.at(
                sentAt + deployment.delaySeconds() + cost.overheadSeconds(),
                () -> replica.ask(
                        key,
                        left -> events.at(
                                left + deployment.delaySeconds(),
                                () -> events.at(
                                        network.serve(events.now(), networkSecondsPerSequence),
                                        () -> arrive(index, chosen, sentAt)))));
    }

    /** The replica with the fewest of this student's sequences in flight, as the client library chooses; any of several. */
    private int choose() {
        int start = inFlight.length == 1 ? 0 : random.nextInt(inFlight.length);
        int best = start;
        for (int i = 0; i < inFlight.length; i++) {
            int at = start + i < inFlight.length ? start + i : start + i - inFlight.length;
            if (inFlight[at] < inFlight[best]) {
                best = at;
            }
            if (inFlight[best] == 0) {
                break;
            }
        }
        return best;
    }

    private void arrive(long index, int replica, double sentAt) {
        inFlight[replica]--;
        answered++;
        latencySeconds += events.now() - sentAt;
        if (paced()) {
            taken++; // places are alike: which one is free does not matter
            double pause = work.rhythm().thinkSeconds() == 0
                    ? 0
                    : -Math.log1p(-random.nextDouble()) * work.rhythm().thinkSeconds();
            if (pause == 0) {
                askOn();
            } else {
                taken--;
                events.at(events.now() + pause, () -> {
                    taken++;
                    askOn();
                });
            }
            return;
        }
        arrived[(int) (index % arrived.length)] = true;
        while (ready < asked && arrived[(int) (ready % arrived.length)]) {
            arrived[(int) (ready % arrived.length)] = false;
            ready++;
        }
        step();
    }

    private void step() {
        if (computing || ready - taken < work.rhythm().sequencesPerStep()) {
            return;
        }
        waitedSeconds += events.now() - waitingSince;
        taken += work.rhythm().sequencesPerStep();
        computing = true;
        events.at(events.now() + work.rhythm().stepSeconds(), () -> {
            computing = false;
            computedSeconds += work.rhythm().stepSeconds();
            waitingSince = events.now();
            step();
        });
        askOn();
    }

    /** Waiting up to now counts as waited. */
    void settle() {
        if (!computing) {
            waitedSeconds += events.now() - waitingSince;
            waitingSince = events.now();
        }
    }
}
