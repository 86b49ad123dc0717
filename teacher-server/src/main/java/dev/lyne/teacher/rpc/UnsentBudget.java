package dev.lyne.teacher.rpc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.teacher.model.PacedLog;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.slf4j.LoggerFactory;

/**
 * Room for the rows of the whole server that are computed or wait for their readers. A sequence takes room before it is scored and
 * gives it back as its blocks leave. Safe for several threads; nobody is called with the lock held.
 *
 * <p>A stream that holds no more than its fair share, the budget over the streams, is given room even where the budget is used up: so
 * stalled readers never stop the others. Above its share a stream waits in line while the budget is used up, and reads no request
 * meanwhile. Since shares shrink as streams come, what is held may exceed the budget; never by more than half of it.
 */
final class UnsentBudget {
    /** How long a reader may take nothing while others wait for room. */
    static final long STALLED_NANOS = TimeUnit.SECONDS.toNanos(60);

    /** How long a stream that holds nothing waits for more than its share before it is let in beyond the budget. */
    static final long STARVED_NANOS = TimeUnit.SECONDS.toNanos(5);

    private static final PacedLog DEFECTS = new PacedLog(LoggerFactory.getLogger(UnsentBudget.class));

    private final long maxBytes;
    private final LongSupplier nanoClock;
    private final AtomicInteger pendingTurns = new AtomicInteger();
    private final Object lock = new Object();

    @GuardedBy("lock")
    private final Deque<Share> line = new ArrayDeque<>();

    @GuardedBy("lock")
    private long heldBytes;

    @GuardedBy("lock")
    private int shares;

    @GuardedBy("lock")
    private long fullSinceNanos;

    UnsentBudget(long maxBytes, LongSupplier nanoClock) {
        this.maxBytes = maxBytes;
        this.nanoClock = nanoClock;
    }

    /**
     * Opens a stream's share, to be closed with it.
     *
     * @param whenRoom called on any thread where a stream that waited has what it asked for
     */
    Share open(Runnable whenRoom) {
        synchronized (lock) {
            shares++;
            return new Share(whenRoom);
        }
    }

    /** Bytes held now. */
    long heldBytes() {
        synchronized (lock) {
            return heldBytes;
        }
    }

    /** Whether a reader that took its last byte then has to go, since others have waited for room all the while. */
    boolean isStalled(long lastTakenNanos) {
        synchronized (lock) {
            long now = nanoClock.getAsLong();
            return !line.isEmpty() && now - fullSinceNanos >= STALLED_NANOS && now - lastTakenNanos >= STALLED_NANOS;
        }
    }

    /**
     * Serves the line: its head with what is free, and whoever stands behind it with its fair share. To be called every second, too, since
     * who starves is let in by time alone. Whoever comes while another thread does, or from within, leaves it to that thread.
     */
    void serveLine() {
        if (pendingTurns.getAndIncrement() != 0) {
            return;
        }
        int seen = 1;
        do {
            for (Optional<Share> next = nextInLine(); next.isPresent(); next = nextInLine()) {
                next.get().tellRoom();
            }
            seen = pendingTurns.addAndGet(-seen);
        } while (seen != 0);
    }

    private Optional<Share> nextInLine() {
        synchronized (lock) {
            boolean first = true;
            for (Iterator<Share> each = line.iterator(); each.hasNext(); first = false) {
                Share share = each.next();
                if (share.takeIfFits(first)) {
                    each.remove();
                    return Optional.of(share);
                }
            }
            return Optional.empty();
        }
    }

    /** A stream's part of what is held. */
    final class Share {
        private final Runnable whenRoom;

        @GuardedBy("lock")
        private long held;

        @GuardedBy("lock")
        private long wanted;

        @GuardedBy("lock")
        private boolean waits;

        @GuardedBy("lock")
        private long sinceNanos;

        @GuardedBy("lock")
        private boolean closed;

        private Share(Runnable whenRoom) {
            this.whenRoom = whenRoom;
        }

        /**
         * Takes room for a sequence.
         *
         * @return false where the stream has to wait: it has the room when it is told so, and asks for none before
         */
        boolean take(long bytes) {
            synchronized (lock) {
                wanted = bytes;
                if (takeIfFits(line.isEmpty())) {
                    return true;
                }
                if (line.isEmpty()) {
                    fullSinceNanos = nanoClock.getAsLong();
                }
                line.add(this);
                waits = true;
                sinceNanos = nanoClock.getAsLong();
                return false;
            }
        }

        private boolean takeIfFits(boolean first) {
            synchronized (lock) {
                boolean free = first && heldBytes + wanted <= maxBytes;
                boolean starves = first && held == 0 && waits && nanoClock.getAsLong() - sinceNanos >= STARVED_NANOS;
                boolean fair = starves || held + wanted <= maxBytes / Math.max(1, shares);
                boolean fits =
                        closed || free || heldBytes == 0 || (fair && heldBytes + wanted <= maxBytes + maxBytes / 2);
                if (fits && !closed) {
                    waits = false;
                    held += wanted;
                    heldBytes += wanted;
                }
                return fits;
            }
        }

        private void tellRoom() {
            try {
                whenRoom.run();
            } catch (Throwable e) {
                DEFECTS.error("a stream could not go on", e);
            }
        }

        /** Gives room back. A negative number takes some more, whatever there is. */
        void give(long bytes) {
            if (bytes == 0) {
                return;
            }
            synchronized (lock) {
                if (closed) {
                    return;
                }
                held -= bytes;
                heldBytes -= bytes;
            }
            serveLine();
        }

        /** Gives everything back. */
        void close() {
            synchronized (lock) {
                if (closed) {
                    return;
                }
                closed = true;
                heldBytes -= held;
                shares--;
                line.remove(this);
            }
            serveLine();
        }
    }
}
