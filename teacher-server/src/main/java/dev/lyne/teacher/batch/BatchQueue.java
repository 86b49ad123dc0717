package dev.lyne.teacher.batch;

import dev.lyne.teacher.model.ScoreJob;
import dev.lyne.teacher.tenant.FairOrder;
import dev.lyne.teacher.tenant.Flow;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Sequences that wait for the device, and the choice of the next batch. Not safe for several threads: the batcher's lock guards it. Time
 * comes in as an argument.
 *
 * <p>While one stream waits, the oldest sequence is in every batch that is chosen, so none starves: a sequence runs at the latest after as
 * many batches as there were sequences before it. Its companions have its selection and the lengths nearest to its own.
 *
 * <p>While several wait, {@link FairOrder} says whose turn it is. The sequence whose turn it is is in the batch; its companions have its
 * selection and about its length, and are taken in turn. Whatever is taken is charged to those who wait for it by what it is expected to
 * cost, and as long as several wait, or have within the last seconds, a batch costs no more than the options allow; a sequence that costs
 * more runs alone.
 */
final class BatchQueue {
    /** Most sequences behind the oldest that are looked through for companions. */
    private static final int LOOK_AHEAD = 2_048;

    /** Decision on what the device does now. */
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

    /** Most sequences behind the first of another stream that are looked through for one of about the head's length. */
    private static final int STREAM_LOOK_AHEAD = 64;

    /** Tokens of a batch while several streams wait and no forward has been timed. */
    private static final int UNMEASURED_TOKENS = 256;

    /** How long after several streams waited batches are still kept short for the one that may come back. */
    private static final long CONTENDED_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** Most that a stream comes to owe for other work of the device, in forwards as they are cut while several wait. */
    private static final int DEBT_FORWARDS = 10;

    private final BatchOptions options;
    private final ForwardCosts costs;
    private final Map<ScoreJob, Waiting> waiting = new LinkedHashMap<>();
    private final FairOrder<ScoreJob> order = new FairOrder<>();
    private long tokens;
    private boolean everContended;
    private long contendedNanos;

    /** @param costs what forwards have cost, which somebody else keeps up to date */
    BatchQueue(BatchOptions options, ForwardCosts costs) {
        this.options = options;
        this.costs = costs;
    }

    void add(ScoreJob job, long nowNanos) {
        waiting.put(job, new Waiting(job, nowNanos));
        tokens += job.item().tokens().length;
        order.put(job, job.flows(), nanos(job));
        noteContention(nowNanos);
    }

    /** Notes that others wait for a job now, which waits here or does not. */
    void flowsChanged(ScoreJob job, long nowNanos) {
        List<Flow> flows = job.flows();
        if (waiting.containsKey(job) && !flows.isEmpty()) {
            order.put(job, flows, nanos(job));
            noteContention(nowNanos);
        }
    }

    private void noteContention(long nowNanos) {
        if (order.waitingStreams() > 1) {
            everContended = true;
            contendedNanos = nowNanos;
        }
    }

    boolean remove(ScoreJob job) {
        if (waiting.remove(job) == null) {
            return false;
        }
        tokens -= job.item().tokens().length;
        order.remove(job);
        return true;
    }

    int size() {
        return waiting.size();
    }

    long tokens() {
        return tokens;
    }

    /** Whether what waits longest has waited for longer than that. Only then is what forwards have cost a measure of what they will. */
    boolean hasWaited(long nanos, long nowNanos) {
        return !waiting.isEmpty()
                && nowNanos - waiting.values().iterator().next().arrivedNanos() > nanos;
    }

    /** How long a job that came now would wait before it is taken into a forward, in nanoseconds; 0 where nothing has been measured. */
    long expectedWaitNanos(ScoreJob job) {
        if (!costs.measured() || waiting.isEmpty()) {
            return 0;
        }
        return (long)
                job.flows().stream().mapToDouble(order::expectedWait).min().orElse(0);
    }

    /**
     * How long one of another flow would wait for a job that waits here: no longer than if that flow alone asked for
     * it, and than those who wait already. 0 where the job does not wait, or nothing has been measured.
     *
     * @param enough what is less is not looked at more closely
     */
    long expectedWaitNanos(ScoreJob job, Flow joining, long enough) {
        if (!costs.measured() || !waiting.containsKey(job)) {
            return 0;
        }
        double wait = order.expectedWait(joining);
        for (Flow flow : job.flows()) {
            if (wait <= enough) {
                break;
            }
            wait = Math.min(wait, order.expectedWait(flow) * partBefore(job, flow));
        }
        return (long) wait;
    }

    /** Which part of a flow's line came before a job of it. */
    private double partBefore(ScoreJob job, Flow flow) {
        double before = 0;
        double all = 0;
        boolean passed = false;
        for (ScoreJob each : waiting.keySet()) {
            passed |= each.equals(job);
            if (each.flows().contains(flow)) {
                double nanos = nanos(each);
                all += nanos;
                before += passed ? 0 : nanos;
            }
        }
        return all > 0 ? before / all : 0;
    }

    /** Charges streams for what the device did for them beside forwards. */
    void charge(Map<Flow, Double> shares, long nanos) {
        double most = DEBT_FORWARDS * options.fairBatch().toNanos();
        shares.forEach((flow, share) -> order.charge(flow, share * nanos, most));
    }

    /** Returns the lines of what waits, by class and tenant. */
    List<FairOrder.TenantLine> lines() {
        return order.lines();
    }

    /** Takes out what has waited for longer than anything may. */
    List<ScoreJob> takeStale(long nowNanos) {
        List<ScoreJob> stale = waiting.values().stream()
                .takeWhile(each ->
                        nowNanos - each.arrivedNanos() > options.maxQueue().toNanos())
                .map(Waiting::job)
                .toList();
        stale.forEach(this::remove);
        return stale;
    }

    /** Jobs whose deadline seems to have passed. */
    List<ScoreJob> overdue(long nowNanos) {
        return waiting.keySet().stream().filter(job -> job.overdue(nowNanos)).toList();
    }

    /** Everything that waits; the queue is empty afterwards. */
    List<ScoreJob> takeAll() {
        List<ScoreJob> all = List.copyOf(waiting.keySet());
        all.forEach(this::remove);
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
        Waiting oldest = inOrder.next();
        long left = oldest.arrivedNanos() + options.deadline().toNanos() - nowNanos;
        noteContention(nowNanos);
        double mostNanos = everContended && nowNanos - contendedNanos < CONTENDED_NANOS
                ? costs.measured() ? options.fairBatch().toNanos() : 2.0 * UNMEASURED_TOKENS
                : Double.MAX_VALUE;
        if (order.waitingStreams() > 1) {
            return left > 0 && !mayBeFull(maxTokens, mostNanos)
                    ? new Decision.Wait(left)
                    : new Decision.Run(takeInTurn(maxTokens, mostNanos));
        }
        List<Waiting> candidates = new ArrayList<>();
        candidates.add(oldest);
        while (inOrder.hasNext() && candidates.size() < LOOK_AHEAD) {
            Waiting next = inOrder.next();
            if (next.job().content().equals(oldest.job().content())) {
                candidates.add(next);
            }
        }
        Composition composition = compose(oldest, candidates, maxTokens, mostNanos);
        if (!composition.full() && left > 0) {
            return new Decision.Wait(left);
        }
        composition.batch().forEach(this::take);
        return new Decision.Run(composition.batch());
    }

    private boolean mayBeFull(int maxTokens, double mostNanos) {
        return waiting.size() >= options.maxSequences()
                || tokens >= maxTokens
                || costs.nanosPerToken() * tokens >= mostNanos;
    }

    /** A batch in the order of turns: whose turn it is comes first, and the others as far as they fit in with it. */
    private List<Waiting> takeInTurn(int maxTokens, double mostNanos) {
        Waiting head = waiting(order.first());
        List<Waiting> batch = new ArrayList<>();
        Fill fill = new Fill(head, maxTokens, mostNanos);
        take(head);
        batch.add(head);
        while (!fill.full()) {
            Optional<ScoreJob> next = order.firstFitting(fill::suits, STREAM_LOOK_AHEAD);
            if (next.isEmpty() || !fill.add(waiting(next.get()))) {
                break;
            }
            batch.add(waiting(next.get()));
            take(waiting(next.get()));
        }
        order.putBack();
        return batch;
    }

    private Waiting waiting(ScoreJob job) {
        return Objects.requireNonNull(waiting.get(job));
    }

    /** Takes a sequence out to be run, at the expense of those who wait for it. */
    private void take(Waiting chosen) {
        order.take(chosen.job(), nanos(chosen));
        remove(chosen.job());
    }

    private double nanos(Waiting waiting) {
        return nanos(waiting.job());
    }

    private double nanos(ScoreJob job) {
        return costs.nanos(job.item(), job.content(), job.entries());
    }

    /** A batch being filled around its head. */
    private final class Fill {
        private final Waiting head;
        private final int maxTokens;
        private final double mostNanos;
        private int count = 1;
        private int longest;
        private long sum;
        private long entries;
        private double nanos;

        Fill(Waiting head, int maxTokens, double mostNanos) {
            this.head = head;
            this.maxTokens = maxTokens;
            this.mostNanos = mostNanos;
            this.longest = head.length();
            this.sum = head.length();
            this.entries = head.job().entries();
            this.nanos = nanos(head);
        }

        boolean full() {
            return !fits(count + 1, longest, maxTokens) || nanos >= mostNanos;
        }

        /** Whether a sequence goes with the head's: the same rows, about its length. */
        boolean suits(ScoreJob job) {
            int length = job.item().tokens().length;
            int width = Math.max(longest, length);
            return job.content().equals(head.job().content())
                    && sum + length >= (1 - options.maxPaddingShare()) * (count + 1) * width;
        }

        /** Adds one that suits; false where there is no room for it. */
        boolean add(Waiting more) {
            int width = Math.max(longest, more.length());
            double nanosWith = nanos + nanos(more);
            long entriesWith = entries + more.job().entries();
            if (!fits(count + 1, width, maxTokens) || nanosWith > mostNanos || entriesWith > options.maxEntries()) {
                return false;
            }
            count++;
            longest = width;
            sum += more.length();
            entries = entriesWith;
            nanos = nanosWith;
            return true;
        }
    }

    private record Composition(List<Waiting> batch, boolean full) {}

    /** Widens a run of the candidates, sorted by length, around the head, nearest length first. */
    private Composition compose(Waiting head, List<Waiting> candidates, int maxTokens, double mostNanos) {
        // The sort is stable: among equal lengths the head, which came first, stands first, and later ones follow in
        // order.
        List<Waiting> byLength = new ArrayList<>(candidates);
        byLength.sort(Comparator.comparingInt(Waiting::length));
        int low = byLength.indexOf(head);
        int high = low;
        long sum = head.length();
        long entries = head.job().entries();
        double nanos = nanos(head);
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
            Waiting more = byLength.get(up ? high + 1 : low - 1);
            long moreEntries = more.job().entries();
            double moreNanos = nanos(more);
            boolean padded = (sum + added) < (1 - options.maxPaddingShare()) * count * width;
            if (!fits(count, width, maxTokens)
                    || entries + moreEntries > options.maxEntries()
                    || nanos + moreNanos > mostNanos) {
                full = true;
            } else if (padded) {
                break;
            } else {
                sum += added;
                entries += moreEntries;
                nanos += moreNanos;
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
