package dev.lyne.load.plan;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A replica: a cache in order of last use, computations that others join, a device that runs batches, processors that send, and a
 * network.
 */
final class SimulatedReplica {
    private final TeacherCost cost;
    private final Workload work;
    private final SimulatedEventQueue events;
    private final Set<Long> shared; // what all replicas find; empty and unused without a shared cache
    private final boolean sharing;
    private final int mostStored;
    private final long storedBelow; // of 2^62: hashes of sequences that are stored in the long run
    private final long hashSeed;
    private final LinkedHashMap<Long, Boolean> stored = new LinkedHashMap<>(16, 0.75f, true);
    private final Map<Long, List<Answer>> computing = new HashMap<>();
    private final ArrayDeque<Waiting> queue = new ArrayDeque<>();
    private final Server sender = new Server();
    private final Server network = new Server();
    private final double networkSecondsPerSequence;
    private boolean running;
    private boolean alarmed;
    private double deviceBusy;
    long computed;
    long hits;
    long coalesced;

    /** Told when a sequence's rows have left the replica, as soon as that is known. */
    @FunctionalInterface
    interface Answer {
        void leaves(double seconds);
    }

    private record Waiting(long key, double since) {}

    SimulatedReplica(
            int number,
            TeacherCost cost,
            Workload work,
            Deployment deployment,
            SimulatedEventQueue events,
            Set<Long> shared) {
        this.cost = cost;
        this.work = work;
        this.events = events;
        this.shared = shared;
        this.networkSecondsPerSequence =
                cost.bytesPerPosition() * work.sequences().positions() / deployment.replicaBytesPerSecond();
        this.sharing = deployment.sharedCache();
        double rowsBytes = cost.bytesPerPosition() * work.sequences().positions();
        int most = (int) Math.min(Integer.MAX_VALUE, deployment.cacheBytesPerReplica() / rowsBytes);
        double share = work.sequences().corpusSequences() == 0
                ? 0
                : Math.min(1, (double) most / work.sequences().corpusSequences());
        // One order over and over pushes everything out of a cache that is too small for all of it before it comes
        // again.
        boolean longRun = deployment.longRun()
                && work.sequences().corpusSequences() > 0
                && (share == 1 || !work.sequences().sameOrder());
        this.storedBelow = deployment.longRun() && sharing ? 1L << 62 : longRun ? (long) (share * (1L << 62)) : 0;
        this.mostStored = longRun ? 0 : most;
        this.hashSeed = number * 0x9e3779b97f4a7c15L;
    }

    private boolean holds(long key) {
        if (storedBelow > 0) {
            long hash = (key ^ hashSeed) * 0xbf58476d1ce4e5b9L;
            hash = (hash ^ hash >>> 29) * 0x94d049bb133111ebL;
            return (hash ^ hash >>> 32) >>> 2 < storedBelow;
        }
        return stored.get(key) != null || sharing && shared.contains(key);
    }

    double deviceBusySeconds() {
        return deviceBusy;
    }

    /** A sequence comes. */
    void ask(long key, Answer answer) {
        if (holds(key)) {
            hits++;
            send(answer);
            return;
        }
        List<Answer> others = computing.get(key);
        if (others != null) {
            coalesced++;
            others.add(answer);
            return;
        }
        computed++;
        computing.put(key, new ArrayList<>(List.of(answer)));
        queue.add(new Waiting(key, events.now()));
        lookAtQueue();
    }

    /** Rows leave the processors in the order in which they came, so that the network's queue is known now. */
    private void send(Answer answer) {
        double sent = sender.serve(
                events.now(), cost.sendSecondsPerRow() * work.sequences().positions());
        answer.leaves(network.serve(sent, networkSecondsPerSequence));
    }

    private void lookAtQueue() {
        if (running || queue.isEmpty()) {
            return;
        }
        int most = Math.max(1, cost.maxBatchTokens() / work.sequences().tokens());
        double due = queue.element().since() + cost.batchDeadlineSeconds();
        if (queue.size() < most && events.now() < due) {
            if (!alarmed) {
                alarmed = true;
                events.at(due, () -> {
                    alarmed = false;
                    lookAtQueue();
                });
            }
            return;
        }
        List<Long> batch = new ArrayList<>();
        while (batch.size() < most && !queue.isEmpty()) {
            batch.add(queue.remove().key());
        }
        double seconds = cost.secondsPerBatch()
                + cost.secondsPerToken() * work.sequences().tokens() * batch.size();
        running = true;
        deviceBusy += seconds;
        events.at(events.now() + seconds, () -> {
            running = false;
            batch.forEach(this::scored);
            lookAtQueue();
        });
    }

    private void scored(long key) {
        if (mostStored > 0) {
            stored.put(key, true);
            if (stored.size() > mostStored) {
                stored.remove(stored.keySet().iterator().next());
            }
        }
        if (sharing) {
            shared.add(key);
        }
        List<Answer> callers = computing.remove(key);
        if (callers != null) {
            callers.forEach(this::send);
        }
    }
}
