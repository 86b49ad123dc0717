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
    private final Calendar calendar;
    private final Set<Long> shared; // what all replicas find; empty and unused without a shared cache
    private final boolean sharing;
    private final int mostStored;
    private final LinkedHashMap<Long, Boolean> stored = new LinkedHashMap<>(16, 0.75f, true);
    private final Map<Long, List<Runnable>> computing = new HashMap<>();
    private final ArrayDeque<Waiting> queue = new ArrayDeque<>();
    private final Server sender = new Server();
    final Server network = new Server();
    private boolean running;
    private boolean alarmed;
    private double deviceBusy;
    long computed;
    long hits;
    long coalesced;

    private record Waiting(long key, double since) {}

    SimulatedReplica(TeacherCost cost, Workload work, Deployment deployment, Calendar calendar, Set<Long> shared) {
        this.cost = cost;
        this.work = work;
        this.calendar = calendar;
        this.shared = shared;
        this.sharing = deployment.sharedCache();
        double rowsBytes = cost.bytesPerPosition() * work.positions();
        this.mostStored = (int) Math.min(Integer.MAX_VALUE, deployment.cacheBytesPerReplica() / rowsBytes);
    }

    double deviceBusySeconds() {
        return deviceBusy;
    }

    /** A sequence comes; {@code answer} runs when its rows leave the processors. */
    void ask(long key, Runnable answer) {
        if (stored.get(key) != null || sharing && shared.contains(key)) {
            hits++;
            send(answer);
            return;
        }
        List<Runnable> others = computing.get(key);
        if (others != null) {
            coalesced++;
            others.add(answer);
            return;
        }
        computed++;
        computing.put(key, new ArrayList<>(List.of(answer)));
        queue.add(new Waiting(key, calendar.now()));
        lookAtQueue();
    }

    private void send(Runnable answer) {
        calendar.at(sender.serve(calendar.now(), cost.sendSecondsPerRow() * work.positions()), answer);
    }

    private void lookAtQueue() {
        if (running || queue.isEmpty()) {
            return;
        }
        int most = Math.max(1, cost.maxBatchTokens() / work.tokens());
        double due = queue.element().since() + cost.batchDeadlineSeconds();
        if (queue.size() < most && calendar.now() < due) {
            if (!alarmed) {
                alarmed = true;
                calendar.at(due, () -> {
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
        double seconds = cost.secondsPerBatch() + cost.secondsPerToken() * work.tokens() * batch.size();
        running = true;
        deviceBusy += seconds;
        calendar.at(calendar.now() + seconds, () -> {
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
        List<Runnable> askers = computing.remove(key);
        if (askers != null) {
            askers.forEach(this::send);
        }
    }
}
