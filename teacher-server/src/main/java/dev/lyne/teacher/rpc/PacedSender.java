package dev.lyne.teacher.rpc;

import dev.lyne.v1.ScoreSequencesResponse;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * The outbound side of a stream: messages leave while the transport is ready, and wait here while it is not.
 *
 * <p>Any thread may offer. The call must see one thread at a time, and no thread may wait for another that is sending: so
 * whoever raises {@code pending} from 0 sends for all who come meanwhile, and they leave at once. The invariant: after the
 * last change to queue or ending, some thread has run {@link #send} from its beginning, or the transport is not ready and
 * will call {@link #pump} when it is.
 */
final class PacedSender {
    private final ServerCallStreamObserver<ScoreSequencesResponse> call;
    private final RpcMetrics metrics;
    private final Runnable whenEnded;
    private final AtomicInteger pending = new AtomicInteger();
    private final Object lock = new Object();
    private final Queue<Outgoing> queue = new ArrayDeque<>(); // guarded by lock
    private Ending ending = Ending.NONE; // guarded by lock

    /** How the stream is to end; later ones override earlier ones. */
    private record Ending(Kind kind, Consumer<ServerCallStreamObserver<ScoreSequencesResponse>> action) {
        enum Kind {
            NONE,
            AFTER_QUEUE,
            NOW,
            ENDED
        }

        static final Ending NONE = new Ending(Kind.NONE, call -> {});
        static final Ending ENDED = new Ending(Kind.ENDED, call -> {});
    }

    /** @param whenEnded called once, after the last thing done to the call */
    PacedSender(ServerCallStreamObserver<ScoreSequencesResponse> call, RpcMetrics metrics, Runnable whenEnded) {
        this.call = call;
        this.metrics = metrics;
        this.whenEnded = whenEnded;
    }

    /** Queues; dropped where the stream has ended. */
    void offer(Outgoing outgoing) {
        synchronized (lock) {
            if (ending.kind() == Ending.Kind.ENDED || ending.kind() == Ending.Kind.NOW) {
                return;
            }
            queue.add(outgoing);
            metrics.unsentBytes.addAndGet(outgoing.unsentBytes());
        }
        pump();
    }

    /** Sends a message that is worth something now only: dropped where others wait for the reader. */
    void tell(ScoreSequencesResponse message) {
        synchronized (lock) {
            if (ending.kind() != Ending.Kind.NONE || !queue.isEmpty()) {
                return;
            }
            queue.add(Outgoing.message(message, () -> {}));
        }
        pump();
    }

    /** Ends the stream once everything queued was sent. */
    void endAfterQueue(Consumer<ServerCallStreamObserver<ScoreSequencesResponse>> action) {
        end(new Ending(Ending.Kind.AFTER_QUEUE, action));
    }

    /** Drops what is queued and ends the stream. */
    void endNow(Consumer<ServerCallStreamObserver<ScoreSequencesResponse>> action) {
        end(new Ending(Ending.Kind.NOW, action));
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

    /** Sends what can be sent. Never blocks. */
    void pump() {
        if (pending.getAndIncrement() != 0) {
            return;
        }
        int seen = 1;
        do {
            send();
            seen = pending.addAndGet(-seen);
        } while (seen != 0);
    }

    private void send() {
        while (true) {
            Outgoing head;
            Ending end;
            synchronized (lock) {
                end = ending;
                if (end.kind() == Ending.Kind.NOW) {
                    queue.forEach(dropped -> metrics.unsentBytes.addAndGet(-dropped.unsentBytes()));
                    queue.clear();
                }
                head = queue.peek();
                if (head == null && end.kind() != Ending.Kind.NONE) {
                    ending = Ending.ENDED;
                }
            }
            if (head == null) {
                if (end.kind() == Ending.Kind.AFTER_QUEUE || end.kind() == Ending.Kind.NOW) {
                    end.action().accept(call);
                    whenEnded.run();
                }
                return;
            }
            if (!call.isReady()) {
                return;
            }
            long before = head.unsentBytes();
            ScoreSequencesResponse message = head.next();
            metrics.unsentBytes.addAndGet(head.unsentBytes() - before);
            if (!head.hasNext()) {
                synchronized (lock) {
                    queue.remove();
                }
                // Before the last message leaves: the student may spend the credit that it gives back at once.
                head.leaving();
            }
            call.onNext(message);
        }
    }
}
