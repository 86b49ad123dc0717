package dev.lyne.teacher.batch;

import dev.lyne.teacher.model.ScoreJob;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Sequences that wait for the device, in order of arrival, and the choice of the next batch. Not safe for several threads:
 * the batcher's lock guards it. Time comes in as an argument.
 *
 * <p>The oldest sequence is in every batch that is chosen, so none starves: a sequence runs at the latest after as many
 * batches as there were sequences before it. Its companions have its selection and the lengths nearest to its own.
 */
final class BatchQueue {
    /** How far behind the oldest sequence companions are looked for. */
    private static final int LOOK_AHEAD = 2_048;

    /** What to do now. */
    sealed interface Decision {
        /** Run these now; they have left the queue. */
        record Run(List<Waiting> batch) implements Decision {}

        /** Wait that long, or for an arrival. */
        record Wait(long nanos) implements Decision {}

        /** Nothing waits. */
        record Empty() implements Decision {}
    }

    /** A job and when it came. */
    record Waiting(ScoreJob job, long arrivedNanos) {
        int length() {
            return job.item().tokens().length;
        }
    }

    private final BatchOptions options;
    private final Map<ScoreJob, Waiting> waiting = new LinkedHashMap<>();
    private long tokens;

    BatchQueue(BatchOptions options) {
        this.options = options;
    }

    void add(ScoreJob job, long nowNanos) {
        waiting.put(job, new Waiting(job, nowNanos));
        tokens += job.item().tokens().length;
    }

    boolean remove(ScoreJob job) {
        if (waiting.remove(job) == null) {
            return false;
        }
        tokens -= job.item().tokens().length;
        return true;
    }

    int size() {
        return waiting.size();
    }

    long tokens() {
        return tokens;
    }

    /** Jobs whose deadline seems to have passed. */
    List<ScoreJob> overdue(long nowNanos) {
        return waiting.keySet().stream().filter(job -> job.overdue(nowNanos)).toList();
    }

    /** Everything that waits; the queue is empty afterwards. */
    List<ScoreJob> takeAll() {
        List<ScoreJob> all = List.copyOf(waiting.keySet());
        waiting.clear();
        tokens = 0;
        return all;
    }

    /** The next batch, of as many tokens as the options say. */
    Decision next(long nowNanos) {
        return next(nowNanos, options.maxTokens());
    }

    /**
     * A batch that is full never waits; one that is not waits until its oldest sequence has waited for the deadline.
     *
     * @param maxTokens most tokens of it, padding included; a longer sequence runs alone
     */
    Decision next(long nowNanos, int maxTokens) {
        Iterator<Waiting> inOrder = waiting.values().iterator();
        if (!inOrder.hasNext()) {
            return new Decision.Empty();
        }
        Waiting head = inOrder.next();
        List<Waiting> candidates = new ArrayList<>();
        candidates.add(head);
        while (inOrder.hasNext() && candidates.size() < LOOK_AHEAD) {
            Waiting next = inOrder.next();
            if (next.job().content().equals(head.job().content())) {
                candidates.add(next);
            }
        }
        Composition composition = compose(head, candidates, maxTokens);
        long left = head.arrivedNanos() + options.deadline().toNanos() - nowNanos;
        if (!composition.full() && left > 0) {
            return new Decision.Wait(left);
        }
        composition.batch().forEach(chosen -> remove(chosen.job()));
        return new Decision.Run(composition.batch());
    }

    private record Composition(List<Waiting> batch, boolean full) {}

    /** Widens a run of the candidates, sorted by length, around the head, nearest length first. */
    private Composition compose(Waiting head, List<Waiting> candidates, int maxTokens) {
        // The sort is stable: among equal lengths the head, which came first, stands first, and later ones follow in
        // order.
        List<Waiting> byLength = new ArrayList<>(candidates);
        byLength.sort(Comparator.comparingInt(Waiting::length));
        int low = byLength.indexOf(head);
        int high = low;
        long sum = head.length();
        long entries = head.job().entries();
        boolean full = !fits(2, head.length(), maxTokens);
        while (!full) {
            int shorter = low > 0 ? byLength.get(low - 1).length() : -1;
            int longer = high + 1 < byLength.size() ? byLength.get(high + 1).length() : -1;
            if (shorter < 0 && longer < 0) {
                break;
            }
            int longest = byLength.get(high).length();
            int count = high - low + 2;
            boolean up = longer >= 0 && (shorter < 0 || longer - head.length() <= head.length() - shorter);
            int added = up ? longer : shorter;
            int width = Math.max(longest, added);
            long moreEntries = byLength.get(up ? high + 1 : low - 1).job().entries();
            boolean padded = (sum + added) < (1 - options.maxPaddingShare()) * count * width;
            if (!fits(count, width, maxTokens) || entries + moreEntries > options.maxEntries()) {
                full = true;
            } else if (padded) {
                break;
            } else {
                sum += added;
                entries += moreEntries;
                if (up) {
                    high++;
                } else {
                    low--;
                }
            }
        }
        int width = byLength.get(high).length();
        return new Composition(
                List.copyOf(byLength.subList(low, high + 1)), full || !fits(high - low + 2, width, maxTokens));
    }

    private boolean fits(int count, int width, int maxTokens) {
        return count <= options.maxSequences() && (long) count * width <= maxTokens;
    }
}
