package dev.lyne.teacher.engine;

import dev.lyne.teacher.tenant.FairOrder;
import dev.lyne.teacher.tenant.Flow;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Sequences and texts that wait for a place at an engine: first those that are asked for again, which have had their turn, then the others as {@link
 * FairOrder} says whose turn it is, by the tokens that go through the engine. Not safe for several threads.
 *
 * <p>The engine batches what is in flight as it likes, so shares are of the places in flight: while more wait than there are, each class, tenant
 * and stream gets the next ones by its weight.
 */
final class EngineQueue {
    /**
     * One that waits.
     *
     * @param arrivedNanos when it began to wait
     * @param attempts how often it was asked for in vain, for which the address alone was not to blame
     * @param except the address that failed it last
     */
    record Waiting(EngineJob<?> job, long arrivedNanos, int attempts, Optional<EngineAddress> except) {
        int tokens() {
            return job.tokens();
        }
    }

    private final Deque<Waiting> again = new ArrayDeque<>();
    private final Map<EngineJob<?>, Waiting> fresh = new LinkedHashMap<>();
    private final FairOrder<EngineJob<?>> order = new FairOrder<>();

    void add(EngineJob<?> job, long nowNanos) {
        Waiting waiting = new Waiting(job, nowNanos, 0, Optional.empty());
        fresh.put(job, waiting);
        order.put(job, job.flows(), waiting.tokens());
    }

    /** Adds a job that was taken, and failed. */
    void addAgain(Waiting waiting) {
        again.addFirst(waiting);
    }

    /** The next one; it stays. */
    Optional<Waiting> next() {
        if (!again.isEmpty()) {
            return Optional.of(again.getFirst());
        }
        return order.isEmpty() ? Optional.empty() : Optional.ofNullable(fresh.get(order.first()));
    }

    /** Takes one out to be asked for, at the expense of those who wait for it; a second time it costs nobody anything. */
    void take(Waiting waiting) {
        if (!again.remove(waiting)) {
            order.take(waiting.job(), waiting.tokens());
            fresh.remove(waiting.job());
        }
    }

    /** Takes a sequence out, at nobody's expense. */
    void remove(EngineJob<?> job) {
        again.removeIf(waiting -> waiting.job().equals(job));
        if (fresh.remove(job) != null) {
            order.remove(job);
        }
    }

    /** Notes that others wait for a sequence now, which waits here or does not. */
    void flowsChanged(EngineJob<?> job) {
        List<Flow> flows = job.flows();
        Waiting waiting = fresh.get(job);
        if (waiting != null && !flows.isEmpty()) {
            order.put(job, flows, waiting.tokens());
        }
    }

    /** Tokens that would go through the engine before a job that came now. */
    double tokensBefore(EngineJob<?> job) {
        return fresh.isEmpty()
                ? 0
                : job.flows().stream().mapToDouble(order::expectedWait).min().orElse(0);
    }

    /**
     * Tokens that would go through the engine before a job that waits for its first turn, for one of another flow: no
     * more than if that flow alone asked for it, and than for those who wait already. 0 where the job does not wait
     * so.
     *
     * @param enough what is less is not looked at more closely
     */
    double tokensBefore(EngineJob<?> job, Flow joining, double enough) {
        if (!fresh.containsKey(job)) {
            return 0;
        }
        double tokens = order.expectedWait(joining);
        for (Flow flow : job.flows()) {
            if (tokens <= enough) {
                break;
            }
            tokens = Math.min(tokens, order.expectedWait(flow) * partBefore(job, flow));
        }
        return tokens;
    }

    /** Which part of a flow's line came before a job of it. */
    private double partBefore(EngineJob<?> job, Flow flow) {
        double before = 0;
        double all = 0;
        boolean passed = false;
        for (EngineJob<?> each : fresh.keySet()) {
            passed |= each.equals(job);
            if (each.flows().contains(flow)) {
                all += each.tokens();
                before += passed ? 0 : each.tokens();
            }
        }
        return all > 0 ? before / all : 0;
    }

    /** Whether the one that has waited longest for its first turn came before that time. */
    boolean hasWaitedSince(long nanos) {
        return !fresh.isEmpty() && fresh.values().iterator().next().arrivedNanos() - nanos < 0;
    }

    /** Takes out what may be refused and came before that time. */
    List<Waiting> takeBefore(long nanos) {
        List<Waiting> stale = fresh.values().stream()
                .takeWhile(waiting -> waiting.arrivedNanos() - nanos < 0)
                .filter(waiting -> waiting.job().mayBeRefused())
                .toList();
        stale.forEach(waiting -> remove(waiting.job()));
        return stale;
    }

    /** All that wait, in no order. */
    List<Waiting> all() {
        List<Waiting> all = new ArrayList<>(again);
        all.addAll(fresh.values());
        return all;
    }

    /** All that wait; none does afterwards. */
    List<Waiting> takeAll() {
        List<Waiting> all = all();
        again.clear();
        for (Iterator<EngineJob<?>> jobs = fresh.keySet().iterator(); jobs.hasNext(); ) {
            order.remove(jobs.next());
            jobs.remove();
        }
        return all;
    }

    int size() {
        return again.size() + fresh.size();
    }

    /** Returns the lines of what waits for its first turn, by class and tenant. */
    List<FairOrder.TenantLine> lines() {
        return order.lines();
    }
}
