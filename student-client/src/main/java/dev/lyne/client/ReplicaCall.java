package dev.lyne.client;

import dev.lyne.v1.CancelSequence;
import dev.lyne.v1.Credit;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.ScoreSequencesRequest;
import dev.lyne.v1.Sequence;
import io.grpc.stub.ClientCallStreamObserver;
import io.opentelemetry.api.trace.Span;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One ScoreSequences call to one replica, as it is written to; {@link CallResponses} reads what comes back. Guarded by its
 * pool's lock, which sending may hold because it only queues.
 */
final class ReplicaCall {
    private final InFlight inFlight = new InFlight();
    /** The moment at which a replica is given up that accepts the call and does not answer it. */
    private long openDeadlineNanos;

    private @Nullable ClientCallStreamObserver<ScoreSequencesRequest> requests;
    private final Span span;
    private boolean opened;
    private boolean ended;
    private long lastMessageNanos;

    /** @param span of the call, which ends with it */
    ReplicaCall(long openDeadlineNanos, Span span) {
        this.span = span;
        this.openDeadlineNanos = openDeadlineNanos;
    }

    /** gRPC has made the call, which is about to start. */
    void made(ClientCallStreamObserver<ScoreSequencesRequest> stream) {
        requests = stream;
    }

    /** Sends the opening message, right after the call was started. */
    void sendOpen(OpenStream open) {
        requests().onNext(ScoreSequencesRequest.newBuilder().setOpen(open).build());
    }

    /** The server has opened the stream. */
    void opened(Credit credit, long nowNanos) {
        opened = true;
        granted(credit, nowNanos);
    }

    void granted(Credit credit, long nowNanos) {
        heard(nowNanos);
        inFlight.grant(credit);
    }

    /** A message has come. */
    void heard(long nowNanos) {
        lastMessageNanos = nowNanos;
    }

    boolean hasOpened() {
        return opened;
    }

    boolean isOpen() {
        return opened && !ended;
    }

    boolean hasEnded() {
        return ended;
    }

    InFlight inFlight() {
        return inFlight;
    }

    /** Whether the replica has kept its answer to the opening message for too long. */
    boolean opensTooLate(long nowNanos) {
        return !opened && nowNanos >= openDeadlineNanos;
    }

    /** Returns the time at which the opening message or a sequence will have waited too long; Long.MAX_VALUE: never. */
    long nextDeadlineNanos() {
        return Math.min(opened ? Long.MAX_VALUE : openDeadlineNanos, inFlight.nextDeadlineNanos());
    }

    /** Whether the server's credit and the transport have room. */
    boolean hasRoomFor(int tokens) {
        return isOpen() && requests().isReady() && inFlight.hasRoomFor(tokens);
    }

    /** Sends a sequence. */
    void ask(Attempt attempt, Sequence message) {
        inFlight.add(attempt);
        requests()
                .onNext(ScoreSequencesRequest.newBuilder().setSequence(message).build());
    }

    /** The process was not running meanwhile: what waits has waited less. */
    void slept(long byNanos) {
        openDeadlineNanos += byNanos;
        for (Attempt attempt : inFlight.all()) {
            attempt.deadlineNanos += attempt.deadlineNanos == Long.MAX_VALUE ? 0 : byNanos;
        }
    }

    /** Withdraws a sequence. */
    void withdraw(Attempt attempt) {
        attempt.withdrawn = true;
        attempt.cancelled = true;
        requests()
                .onNext(ScoreSequencesRequest.newBuilder()
                        .setCancel(CancelSequence.newBuilder().setId(attempt.wireId))
                        .build());
    }

    /** Whether nothing has come since a sequence was sent. */
    boolean silentSince(Attempt attempt) {
        return lastMessageNanos - attempt.sentNanos < 0;
    }

    /** Whether nothing has come for so long, with something asked for all that time, in which this process ran. */
    boolean silentFor(long nanos, long nowNanos, long awokeNanos) {
        Attempt oldest = inFlight.oldest();
        return isOpen()
                && oldest != null
                && nowNanos - Math.max(awokeNanos, Math.max(lastMessageNanos, oldest.sentNanos)) >= nanos;
    }

    /** Lets the next message in. */
    void requestNext() {
        requests().request(1);
    }

    /** The server or the network has ended the call. */
    void ended() {
        ended = true;
        span.end();
    }

    /** Drops the call; its callbacks are ignored from here on. Returns the attempts that were not withdrawn. */
    List<Attempt> end(String reason) {
        if (!ended) {
            ended = true;
            span.end();
            requests().cancel(reason, null);
        }
        return inFlight.removeAll();
    }

    private ClientCallStreamObserver<ScoreSequencesRequest> requests() {
        ClientCallStreamObserver<ScoreSequencesRequest> stream = requests;
        if (stream == null) {
            throw new IllegalStateException("the call has not started");
        }
        return stream;
    }
}
