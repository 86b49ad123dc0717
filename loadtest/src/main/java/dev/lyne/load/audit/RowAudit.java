package dev.lyne.load.audit;

import dev.lyne.client.ClientListener;
import dev.lyne.client.ClientOptions;
import dev.lyne.client.MisalignedTargetsException;
import dev.lyne.client.SequenceFailedException;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherException;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.row.RowColumns;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Asks teachers for the same few sequences again and again, through the client library as a student does, and compares the rows that the
 * library hands out with those of the first answers, bit for bit. Half of the asking goes past the caches, half through them. A row that is
 * refused by the library's own checks is no wrong row: it was noticed, and is asked for again. A wrong row is one that passed them.
 */
public final class RowAudit implements AutoCloseable {
    private static final int SEQUENCES = 32;
    private static final int TOKENS = 24;
    private static final int ENTRIES = 16;
    private static final int WINDOW = 4;
    private static final long PAUSE_NANOS = 100_000_000;
    private static final long SECONDS_TO_END = 20;

    private final String addresses;
    private final List<TargetSequence> sequences;
    private final List<RowColumns> right;
    private final AtomicLong computed = new AtomicLong();
    private final AtomicLong cached = new AtomicLong();
    private final AtomicLong wrongRows = new AtomicLong();
    private final AtomicLong refused = new AtomicLong();
    private final AtomicLong reopened = new AtomicLong();
    private final List<Thread> threads = new ArrayList<>();
    private final AtomicReference<@Nullable Throwable> broken = new AtomicReference<>();
    private volatile boolean stopping;

    /**
     * Counts so far.
     *
     * @param rows rows that were compared
     * @param wrongRows those that differed from the first answer in a bit
     * @param refused sequences that failed, or whose rows the client library did not take, and that were asked for again
     * @param reopened times that a client ended and another one began
     */
    public record Counts(long rows, long wrongRows, long refused, long reopened) {}

    private RowAudit(String addresses, List<TargetSequence> sequences, List<RowColumns> right) {
        this.addresses = addresses;
        this.sequences = sequences;
        this.right = right;
    }

    /**
     * Learns what is right, and begins.
     *
     * @param undisturbed addresses of servers in their right mind, all of which must give the same rows to the last bit
     * @param disturbed where to ask from now on
     */
    public static RowAudit begin(List<String> undisturbed, List<String> disturbed) throws InterruptedException {
        List<TargetSequence> sequences = List.of();
        List<RowColumns> right = List.of();
        for (String address : undisturbed) {
            try (TeacherClient client = TeacherClient.connect(address, options(true, ClientListener.LOGGING))) {
                if (sequences.isEmpty()) {
                    sequences = sequences(client.describe().vocabularySize());
                }
                List<RowColumns> found = new ArrayList<>();
                try (TargetStream stream = client.open(request())) {
                    for (TargetSequence sequence : sequences) {
                        if (!stream.offer(sequence)) {
                            throw new IllegalStateException("a window of one sequence is full");
                        }
                        found.add(stream.take().columns());
                    }
                }
                for (int i = 0; i < right.size(); i++) {
                    if (differing(right.get(i), found.get(i)) != 0) {
                        throw new IllegalStateException("rows of " + address + " and " + undisturbed.get(0)
                                + " differ (expected: servers of one execution fingerprint in deterministic mode)");
                    }
                }
                right = found;
            }
        }
        RowAudit audit = new RowAudit(String.join(",", disturbed), sequences, right);
        audit.start();
        return audit;
    }

    private static List<TargetSequence> sequences(int vocabulary) {
        SplittableRandom random = new SplittableRandom(11);
        List<TargetSequence> sequences = new ArrayList<>();
        for (int i = 0; i < SEQUENCES; i++) {
            sequences.add(
                    TargetSequence.whole(i, random.ints(TOKENS, 0, vocabulary).toArray()));
        }
        return List.copyOf(sequences);
    }

    private static TargetRequest request() {
        return TargetRequest.topK(ENTRIES, List.of(), TeacherExpectation.any());
    }

    private static ClientOptions options(boolean bypassCache, ClientListener listener) {
        return ClientOptions.builder()
                .student("audit")
                .window(WINDOW, 1 << 16)
                .stuckFor(Duration.ofSeconds(5))
                .bypassCache(bypassCache)
                .listener(listener)
                .build();
    }

    private void start() {
        for (boolean bypassCache : new boolean[] {true, false}) {
            Thread thread = new Thread(() -> audit(bypassCache), "row-audit");
            thread.setDaemon(true);
            thread.start();
            threads.add(thread);
        }
    }

    /** Goes on until it is closed, with one client after the other. */
    private void audit(boolean bypassCache) {
        var listener = new ClientListener() {
            @Override
            public void onWaiting(String line) {
                // what is waited for is the faults' affair
            }

            @Override
            public boolean isStopRequested() {
                return stopping;
            }
        };
        while (!stopping) {
            try (TeacherClient client = TeacherClient.connect(addresses, options(bypassCache, listener));
                    TargetStream stream = client.open(request())) {
                compare(stream, bypassCache ? computed : cached);
            } catch (InterruptedException e) {
                return;
            } catch (TeacherException | IllegalStateException e) {
                reopened.incrementAndGet();
                LockSupport.parkNanos(PAUSE_NANOS);
            } catch (Throwable e) {
                broken.compareAndSet(null, e);
                return;
            }
        }
    }

    private void compare(TargetStream stream, AtomicLong rows) throws InterruptedException {
        for (int next = 0; !stopping; ) {
            while (stream.pending() < WINDOW && stream.offer(sequences.get(next % SEQUENCES))) {
                next++;
            }
            if (!stream.await(Duration.ofMillis(200))) {
                continue;
            }
            try {
                var targets = stream.take();
                RowColumns columns = targets.columns();
                rows.addAndGet(columns.rows());
                wrongRows.addAndGet(differing(right.get((int) targets.sequence().id()), columns));
            } catch (SequenceFailedException | MisalignedTargetsException e) {
                refused.incrementAndGet();
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    /** Rows that differ in a bit of what they hold; all of them where their number does. */
    static int differing(RowColumns one, RowColumns other) {
        if (one.rows() != other.rows()) {
            return Math.max(one.rows(), other.rows());
        }
        int differing = 0;
        for (int row = 0; row < one.rows(); row++) {
            if (!sameRow(one, other, row)) {
                differing++;
            }
        }
        return differing;
    }

    private static boolean sameRow(RowColumns one, RowColumns other, int row) {
        int count = one.counts()[row];
        int at = row * one.stride();
        int otherAt = row * other.stride();
        return count == other.counts()[row]
                && Arrays.equals(one.ids(), at, at + count, other.ids(), otherAt, otherAt + count)
                && Arrays.equals(
                        one.logProbabilities(), at, at + count, other.logProbabilities(), otherAt, otherAt + count)
                && Float.floatToIntBits(one.logTailMass()[row]) == Float.floatToIntBits(other.logTailMass()[row])
                && Float.floatToIntBits(one.labelLogProbability()[row])
                        == Float.floatToIntBits(other.labelLogProbability()[row]);
    }

    /** Returns the counts so far. */
    public Counts counts() {
        Throwable cause = broken.get();
        if (cause != null) {
            throw new IllegalStateException("the audit broke off: " + cause, cause);
        }
        return new Counts(computed.get() + cached.get(), wrongRows.get(), refused.get(), reopened.get());
    }

    /**
     * Returns the counts in all.
     *
     * @throws IllegalStateException where no row was compared past the caches, or none by way of them
     */
    public Counts total() {
        if (computed.get() == 0 || cached.get() == 0) {
            throw new IllegalStateException("rows compared: " + computed.get() + " past the caches, " + cached.get()
                    + " by way of them (expected: at least one of each)");
        }
        return counts();
    }

    @Override
    public void close() throws InterruptedException {
        stopping = true;
        for (Thread thread : threads) {
            thread.join(SECONDS_TO_END * 1_000);
            thread.interrupt();
        }
    }
}
