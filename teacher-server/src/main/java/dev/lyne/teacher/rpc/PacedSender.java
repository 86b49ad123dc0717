package dev.lyne.teacher.rpc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.PacedLog;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.ArrayDeque;
import java.util.Locale;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.LoggerFactory;

/**
 * The outbound side of a stream, and the one place where a stream ends: messages leave while the transport is ready, and wait here
 * while it is not.
 *
 * <p>Any thread may offer. The call must see one thread at a time, and no thread may wait for another that is sending: so
 * whoever raises {@code pending} from 0 sends for all who come meanwhile, and they leave at once. The invariant: after the
 * last change to queue or ending, some thread has run {@link #send} from its beginning, or the transport is not ready and
 * will call {@link #pump} when it is. Whatever is thrown meanwhile ends the stream, and the pump goes on.
 */
final class PacedSender<A> {
    private static final PacedLog DEFECTS = new PacedLog(LoggerFactory.getLogger(PacedSender.class));

    private final ServerCallStreamObserver<A> call;
    private final RpcMetrics metrics;
    private final UnsentBudget.Share share;
    private final LongSupplier nanoClock;
    private final Runnable whenEnded;
    private final AtomicInteger pending = new AtomicInteger();
    private volatile long lastTakenNanos;

    /** Bytes that the transport was given and may still hold; owned by whoever pumps. */
    private long bytesInTransport;

    private final Object lock = new Object();

    @GuardedBy("lock")
    private final Queue<Outgoing<A>> queue = new ArrayDeque<>();

    @GuardedBy("lock")
    private Ending ending = Ending.NONE;

    /**
     * Ending of the stream; later ones override earlier ones.
     *
     * @param reason a word for people
     */
    private record Ending(Kind kind, String reason, Consumer<ServerCallStreamObserver<?>> action) {
        enum Kind {
            NONE,
            AFTER_QUEUE,
            NOW,
            ENDED
        }

        static final Ending NONE = new Ending(Kind.NONE, "none", call -> {});

        static Ending of(Kind kind, Failure why) {
            return new Ending(
                    kind,
                    why.reason().name().toLowerCase(Locale.ROOT),
                    observer -> observer.onError(Statuses.toException(why)));
        }

        Ending over() {
            return new Ending(Kind.ENDED, reason, call -> {});
        }
    }

    /**
     * Takes the sending side of a call over.
     *
     * @param share what gives room to the blocks that are offered, and is closed at the end
     * @param whenEnded called once, after the last thing done to the call
     */
    PacedSender(
            ServerCallStreamObserver<A> call,
            RpcMetrics metrics,
            UnsentBudget.Share share,
            LongSupplier nanoClock,
            Runnable whenEnded) {
        this.call = call;
        this.metrics = metrics;
        this.share = share;
        this.nanoClock = nanoClock;
        this.whenEnded = whenEnded;
        this.lastTakenNanos = nanoClock.getAsLong();
    }

    /** The stream's part of the room for rows. */
    UnsentBudget.Share share() {
        return share;
    }

    /** Queues; dropped where the stream has ended. */
    void offer(Outgoing<A> outgoing) {
        synchronized (lock) {
            if (ending.kind() == Ending.Kind.ENDED || ending.kind() == Ending.Kind.NOW) {
                return;
            }
            add(outgoing);
        }
        pump();
    }

    /** Sends a message that is worth something now only: dropped where others wait for the reader. */
    void tell(A message) {
        synchronized (lock) {
            if (ending.kind() != Ending.Kind.NONE || !queue.isEmpty()) {
                return;
            }
            add(Outgoing.message(message, () -> {}));
        }
        pump();
    }

    @GuardedBy("lock")
    private void add(Outgoing<A> outgoing) {
        if (queue.isEmpty() && call.isReady()) {
            lastTakenNanos = nanoClock.getAsLong(); // nothing waited until now
        }
        queue.add(outgoing);
        metrics.unsentBytes.addAndGet(outgoing.unsentBytes());
    }

    /** Whether the stream has ended, or is about to. */
    boolean isOver() {
        synchronized (lock) {
            return ending.kind().compareTo(Ending.Kind.NOW) >= 0;
        }
    }

    /** Returns the time at which the transport took something last, or there was nothing to take. */
    long lastTakenNanos() {
        return lastTakenNanos;
    }

    /** Whether rows wait for a reader that takes nothing now. */
    boolean waits() {
        synchronized (lock) {
            return !queue.isEmpty() && !call.isReady();
        }
    }

    /** Returns why the stream ended, or ends, in a word: that of its failure, or {@code done} or {@code cancelled}. */
    String reason() {
        synchronized (lock) {
            return ending.reason();
        }
    }

    /** Completes the stream once everything queued was sent. */
    void endAfterQueue(Consumer<ServerCallStreamObserver<?>> action) {
        end(new Ending(Ending.Kind.AFTER_QUEUE, "done", action));
    }

    /** Ends the stream with a failure once everything queued was sent. */
    void endAfterQueue(Failure failure) {
        end(Ending.of(Ending.Kind.AFTER_QUEUE, failure));
    }

    /** Drops what is queued and ends the stream with a failure. */
    void endNow(Failure failure) {
        end(Ending.of(Ending.Kind.NOW, failure));
    }

    /** Drops what is queued: the call is over, whoever ended it. */
    void callEnded() {
        end(new Ending(Ending.Kind.NOW, "cancelled", observer -> {}));
    }

    private void end(Ending next) {
        synchronized (lock) {
            if (ending.kind().compareTo(next.kind()) >= 0) {
                return;
            }
            ending = next;
        }
        pump();
    }

    /** Sends what can be sent. Never blocks, never throws. */
    void pump() {
        if (pending.getAndIncrement() != 0) {
            return;
        }
        int seen = 1;
        do {
            try {
                send();
            } catch (Throwable e) {
                DEFECTS.error("a stream could not be sent to, and ends", e);
                endBroken(e);
            }
            seen = pending.addAndGet(-seen);
        } while (seen != 0);
    }

    private void send() {
        while (true) {
            boolean ready = call.isReady();
            if (ready) {
                left();
            }
            Outgoing<A> head;
            Ending end;
            synchronized (lock) {
                end = ending;
                if (end.kind() == Ending.Kind.NOW) {
                    dropQueue();
                }
                head = queue.peek();
                if (head == null && end.kind() != Ending.Kind.NONE) {
                    ending = end.over();
                }
            }
            if (head == null) {
                finish(end);
                return;
            }
            if (!ready) {
                return;
            }
            send(head);
        }
    }

    private void send(Outgoing<A> head) {
        long before = head.unsentBytes();
        A message;
        try {
            message = head.next();
        } finally {
            long bytes = before - head.unsentBytes();
            metrics.unsentBytes.addAndGet(-bytes);
            bytesInTransport += bytes;
        }
        if (!head.hasNext()) {
            synchronized (lock) {
                queue.remove();
            }
            // Before the last message leaves: the student may spend the credit that it gives back at once.
            head.leaving();
        }
        call.onNext(message);
        lastTakenNanos = nanoClock.getAsLong();
    }

    /** The transport takes more, so what it was given has left, but for a little. */
    private void left() {
        lastTakenNanos = nanoClock.getAsLong();
        long bytes = bytesInTransport;
        bytesInTransport = 0;
        share.give(bytes);
    }

    @GuardedBy("lock")
    private void dropQueue() {
        queue.forEach(dropped -> metrics.unsentBytes.addAndGet(-dropped.unsentBytes()));
        queue.clear();
    }

    private void finish(Ending end) {
        if (end.kind() != Ending.Kind.AFTER_QUEUE && end.kind() != Ending.Kind.NOW) {
            return;
        }
        try {
            end.action().accept(call);
        } finally {
            release();
        }
    }

    /** Ends the stream after something was thrown, perhaps by the very end. */
    private void endBroken(Throwable cause) {
        Ending broken =
                Ending.of(Ending.Kind.NOW, Failure.of(Failure.Reason.SERVER_FAULT, "the stream cannot go on", cause));
        synchronized (lock) {
            if (ending.kind() == Ending.Kind.ENDED) {
                return; // finish has released it
            }
            ending = broken.over();
            dropQueue();
        }
        try {
            broken.action().accept(call);
        } catch (Throwable e) {
            DEFECTS.error("a stream could not be ended", e);
        } finally {
            release();
        }
    }

    private void release() {
        try {
            share.close();
        } finally {
            whenEnded.run();
        }
    }
}
