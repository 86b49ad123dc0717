package dev.lyne.load.bench;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.load.wire.Connections;
import dev.lyne.load.wire.RowStream;
import dev.lyne.load.wire.StreamEvents;
import dev.lyne.load.wire.StreamKind;
import dev.lyne.row.Precision;
import dev.lyne.row.RowSource;
import dev.lyne.row.Selection;
import dev.lyne.v1.Sequence;
import dev.lyne.wire.Digests;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/**
 * A stream that asks for distinct sequences of one length: a window of them at all times, or one at each time that it is told to. Events come
 * on the connections' loops; it may be asked from any thread.
 */
final class FairnessStudent implements StreamEvents, AutoCloseable {
    /**
     * A sequence that got its rows.
     *
     * @param dueNanos when it was to be asked for
     * @param nanos from then until its last row was there
     */
    record Answer(long dueNanos, long nanos) {}

    private final int window;
    private final int tokens;
    private final boolean mayBeRefused;
    private final Random random;
    private final Object lock = new Object();

    @GuardedBy("lock")
    private final Map<Long, Long> askedNanos = new HashMap<>();

    @GuardedBy("lock")
    private final List<Answer> answers = new ArrayList<>();

    @GuardedBy("lock")
    private Optional<RowStream> stream = Optional.empty();

    @GuardedBy("lock")
    private boolean opened;

    @GuardedBy("lock")
    private int unread; // messages taken before the stream was there to let others in

    @GuardedBy("lock")
    private long ids;

    @GuardedBy("lock")
    private long answered;

    @GuardedBy("lock")
    private long refused;

    @GuardedBy("lock")
    private long refusedForGood;

    @GuardedBy("lock")
    private Optional<String> failure = Optional.empty();

    @GuardedBy("lock")
    private boolean closing;

    /** Constructs a student that is answered, whatever it asks. */
    FairnessStudent(int window, int tokens, long seed) {
        this(window, tokens, seed, false);
    }

    /**
     * A student.
     *
     * @param window sequences in flight at all times; 0: as it is told
     * @param mayBeRefused whether the server may be too busy for its sequences
     */
    FairnessStudent(int window, int tokens, long seed, boolean mayBeRefused) {
        this.mayBeRefused = mayBeRefused;
        this.window = window;
        this.tokens = tokens;
        this.random = new Random(seed);
    }

    void open(Connections connections, int number, String name) {
        StreamKind kind = new StreamKind(name, new Selection.TopK(1, List.of()), Precision.EXACT, false, false);
        RowStream made = connections.open(number, kind, this);
        synchronized (lock) {
            stream = Optional.of(made);
            if (unread > 0) {
                made.read(unread);
                unread = 0;
            }
            begin();
        }
    }

    @GuardedBy("lock")
    private void begin() {
        if (opened && stream.isPresent()) {
            for (int i = 0; i < window; i++) {
                ask(System.nanoTime());
            }
        }
    }

    /** Returns whether the student can be told to ask. */
    boolean isOpen() {
        synchronized (lock) {
            return opened && stream.isPresent();
        }
    }

    /** Asks for one more, due at a time on {@link System#nanoTime}'s clock. */
    void ask(long dueNanos) {
        synchronized (lock) {
            int[] sequence =
                    random.ints(tokens, 0, FairnessBenchmark.VOCABULARY).toArray();
            long id = ++ids;
            askedNanos.put(id, dueNanos);
            stream.orElseThrow()
                    .ask(
                            id,
                            Sequence.newBuilder()
                                    .addAllTokenIds(
                                            Arrays.stream(sequence).boxed().toList())
                                    .setTokenIdsCrc32C(Digests.tokenChecksum(sequence))
                                    .build()
                                    .toByteArray());
        }
    }

    /** Sequences asked for so far. */
    long asked() {
        synchronized (lock) {
            return ids;
        }
    }

    /** Sequences answered so far. */
    long answered() {
        synchronized (lock) {
            if (failure.isPresent()) {
                throw new IllegalStateException(failure.get());
            }
            return answered;
        }
    }

    /** Answers to what was due in a time, so far. */
    List<Answer> answers(long fromNanos, long toNanos) {
        synchronized (lock) {
            return answers.stream()
                    .filter(each -> each.dueNanos() - fromNanos >= 0 && each.dueNanos() - toNanos < 0)
                    .toList();
        }
    }

    /** Sequences that the server was too busy for. */
    long refused() {
        synchronized (lock) {
            return refused;
        }
    }

    /** Returns the refused sequences that were not told when to ask again. */
    long refusedForGood() {
        synchronized (lock) {
            return refusedForGood;
        }
    }

    @GuardedBy("lock")
    private void letIn() {
        if (stream.isPresent()) {
            stream.get().read(1);
        } else {
            unread++;
        }
    }

    @Override
    public void opened(int vocabularySize, int sequences, long granted) {
        synchronized (lock) {
            opened = true;
            letIn();
            begin();
        }
    }

    @Override
    public void credit(int sequences, long granted) {
        synchronized (lock) {
            letIn();
        }
    }

    @Override
    public void rows(long id, RowSource source, int bytes, byte[] block) {
        synchronized (lock) {
            letIn();
        }
    }

    @Override
    public void done(long id, int rows) {
        synchronized (lock) {
            letIn();
            Long asked = askedNanos.remove(id);
            if (asked == null || closing) {
                return;
            }
            long now = System.nanoTime();
            answered++;
            answers.add(new Answer(asked, now - asked));
            if (window > 0) {
                ask(now);
            }
        }
    }

    @Override
    public void failed(long id, String reason, String message, long retryNanos) {
        synchronized (lock) {
            letIn();
            if (mayBeRefused && (reason.equals("OVERLOADED") || reason.equals("QUEUE_FULL"))) {
                askedNanos.remove(id);
                refused++;
                refusedForGood += retryNanos > 0 ? 0 : 1;
                return;
            }
            failure = Optional.of("a sequence failed: " + reason + ": " + message + " (expected: rows)");
        }
    }

    @Override
    public void closed(String code, String message) {
        synchronized (lock) {
            if (!closing) {
                failure = Optional.of("a stream ended: " + code + ": " + message + " (expected: open)");
            }
        }
    }

    @Override
    public void close() {
        Optional<RowStream> open;
        synchronized (lock) {
            closing = true;
            open = stream;
        }
        open.ifPresent(RowStream::drop);
    }
}
