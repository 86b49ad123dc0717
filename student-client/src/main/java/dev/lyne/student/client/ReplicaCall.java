package dev.lyne.student.client;

import dev.lyne.v1.CancelSequence;
import dev.lyne.v1.Credit;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.Rows;
import dev.lyne.v1.ScoreSequencesRequest;
import dev.lyne.v1.ScoreSequencesResponse;
import dev.lyne.v1.Sequence;
import dev.lyne.v1.SequenceDone;
import dev.lyne.v1.SequenceFailed;
import dev.lyne.v1.StreamOpened;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One ScoreSequences call to one replica. gRPC calls back one message at a time on a thread that is not an event loop's; a
 * callback decodes and checks rows without the stream's lock, and takes the lock, briefly, to say what came. The next message
 * is let in only when the one before has been dealt with, so that the bytes waiting here are those of gRPC's own window.
 */
final class ReplicaCall implements ClientResponseObserver<ScoreSequencesRequest, ScoreSequencesResponse> {
    private static final int MESSAGES_AHEAD = 4;

    private final Fleet fleet;
    private final Link link;
    private final OpenStream open;

    // Guarded by the stream's lock.
    private final Map<Long, Ask> asks = new LinkedHashMap<>();
    private @Nullable ClientCallStreamObserver<ScoreSequencesRequest> requests;
    private boolean opened;
    private boolean ended;
    private long creditSequences;
    private long creditTokens;
    private long tokensInFlight;
    private long lastMessageNanos;
    /** When to lose patience with a replica that accepts the call and does not answer it. */
    private final long openDeadlineNanos;

    // Owned by the callbacks.
    private @Nullable Rules rules;

    private record Rules(BlockIdentity identity, RowCheck check) {}

    ReplicaCall(Fleet fleet, Link link, OpenStream open, long openDeadlineNanos) {
        this.fleet = fleet;
        this.link = link;
        this.open = open;
        this.openDeadlineNanos = openDeadlineNanos;
    }

    Link link() {
        return link;
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<ScoreSequencesRequest> stream) {
        requests = stream;
        stream.disableAutoRequestWithInitial(MESSAGES_AHEAD);
        stream.setOnReadyHandler(fleet::onReady);
    }

    /** Sends the opening message. With the lock held, right after the call was started. */
    void sendOpen() {
        requests().onNext(ScoreSequencesRequest.newBuilder().setOpen(open).build());
    }

    boolean isOpen() {
        return opened && !ended;
    }

    boolean hasEnded() {
        return ended;
    }

    int inFlight() {
        return asks.size();
    }

    long tokensInFlight() {
        return tokensInFlight;
    }

    /** Whether the replica has kept its answer to the opening message for too long. */
    boolean opensTooLate(long nowNanos) {
        return !opened && nowNanos >= openDeadlineNanos;
    }

    /** When the opening message or a sequence will have waited too long; Long.MAX_VALUE: never. */
    long nextDeadlineNanos() {
        long next = opened ? Long.MAX_VALUE : openDeadlineNanos;
        for (Ask ask : asks.values()) {
            next = ask.withdrawn ? next : Math.min(next, ask.deadlineNanos);
        }
        return next;
    }

    /** The sequences that have waited too long. */
    List<Ask> late(long nowNanos) {
        return asks.values().stream()
                .filter(ask -> !ask.withdrawn && nowNanos >= ask.deadlineNanos)
                .toList();
    }

    /** Whether the server's credit and the transport have room; one sequence alone always fits the credit. */
    boolean hasRoomFor(int tokens) {
        return isOpen()
                && requests().isReady()
                && (asks.isEmpty() || (asks.size() < creditSequences && tokensInFlight + tokens <= creditTokens));
    }

    /** Sends a sequence. */
    void ask(Ask ask, Sequence message) {
        asks.put(ask.wireId, ask);
        tokensInFlight += ask.entry.tokens();
        requests()
                .onNext(ScoreSequencesRequest.newBuilder().setSequence(message).build());
    }

    /** Withdraws a sequence, which keeps its credit until the server has answered. */
    void withdraw(Ask ask) {
        ask.withdrawn = true;
        requests()
                .onNext(ScoreSequencesRequest.newBuilder()
                        .setCancel(CancelSequence.newBuilder().setId(ask.wireId))
                        .build());
    }

    /** Whether nothing has come since a sequence was sent. */
    boolean silentSince(Ask ask) {
        return lastMessageNanos - ask.sentNanos < 0;
    }

    /** Drops the call; its callbacks are ignored from here on. Returns the asks that were not withdrawn. */
    List<Ask> end(String reason) {
        if (!ended) {
            ended = true;
            requests().cancel(reason, null);
        }
        List<Ask> open = asks.values().stream().filter(ask -> !ask.withdrawn).toList();
        asks.clear();
        tokensInFlight = 0;
        return open;
    }

    @Override
    public void onNext(ScoreSequencesResponse response) {
        switch (response.getMessageCase()) {
            case OPENED -> onOpened(response.getOpened());
            case CREDIT ->
                fleet.locked(this, () -> {
                    grant(response.getCredit());
                    fleet.pump();
                });
            case ROWS -> onRows(response.getRows());
            case DONE -> onDone(response.getDone());
            case FAILED -> onFailed(response.getFailed());
            case MESSAGE_NOT_SET -> fleet.locked(this, () -> fleet.onProtocolError(this, "an empty message"));
        }
        fleet.locked(this, () -> requests().request(1));
    }

    @Override
    public void onError(Throwable throwable) {
        Failure failure = Failure.of(throwable);
        fleet.locked(this, () -> {
            ended = true;
            fleet.onCallEnded(this, failure);
        });
    }

    @Override
    public void onCompleted() {
        fleet.locked(this, () -> {
            ended = true;
            fleet.onCallEnded(this, Failure.of(Status.Code.UNAVAILABLE, "the server completed the stream"));
        });
    }

    private void onOpened(StreamOpened message) {
        TeacherDescription teacher = Contract.description(message.getTeacher());
        fleet.locked(this, () -> {
            if (opened) {
                fleet.onProtocolError(this, "opened twice");
                return;
            }
            if (!fleet.acceptsTeacher(link, teacher)) {
                return;
            }
            rules = new Rules(fleet.identity(message.getTeacher()), new RowCheck(teacher.vocabularySize()));
            opened = true;
            grant(message.getCredit());
            fleet.onOpened(link);
        });
    }

    private void onRows(Rows rows) {
        Ask ask = fleet.lockedGet(this, () -> {
            lastMessageNanos = fleet.nowNanos();
            return inFlight(rows.getId());
        });
        if (ask == null) {
            return;
        }
        RowSource source = Contract.source(rows.getSource());
        if (source == null) {
            fleet.locked(this, () -> fleet.onProtocolError(this, "rows without a source"));
            return;
        }
        int bytes = rows.getBlock().size();
        if (ask.withdrawn) {
            fleet.locked(this, () -> fleet.onUnwantedBytes(bytes));
            return;
        }
        try {
            Rules rules = rules();
            ask.add(rules.identity, rules.check, rows, source);
            fleet.locked(this, fleet::onProgress);
        } catch (MisalignedTargetsException e) {
            fleet.locked(this, () -> {
                fleet.onUnwantedBytes(bytes);
                if (!ask.withdrawn) {
                    withdraw(ask);
                    fleet.onMisaligned(ask, e);
                }
            });
        }
    }

    /** The sequence stays in flight until its rows are checked, so that a call which ends meanwhile gives it back. */
    private void onDone(SequenceDone done) {
        Ask ask = fleet.lockedGet(this, () -> inFlight(done.getId()));
        if (ask == null) {
            return;
        }
        Runnable outcome;
        try {
            Rules rules = rules();
            Targets targets = ask.finish(rules.identity, rules.check, done.getRows());
            outcome = () -> fleet.onTargets(link, ask, targets);
        } catch (MisalignedTargetsException e) {
            outcome = () -> fleet.onMisaligned(ask, e);
        }
        answer(ask, outcome);
    }

    private void onFailed(SequenceFailed failed) {
        Ask ask = fleet.lockedGet(this, () -> inFlight(failed.getId()));
        if (ask != null) {
            answer(ask, () -> fleet.onSequenceFailed(link, ask, Failure.of(failed.getStatus())));
        }
    }

    /** Takes an answered sequence off the credit and says what came of it, unless it was withdrawn. */
    private void answer(Ask ask, Runnable outcome) {
        fleet.locked(this, () -> {
            lastMessageNanos = fleet.nowNanos();
            asks.remove(ask.wireId);
            tokensInFlight -= ask.entry.tokens();
            if (!ask.withdrawn) {
                outcome.run();
            }
            fleet.pump();
        });
    }

    /** The sequence that a message is about; null, and the end of the call, where it is not in flight. */
    private @Nullable Ask inFlight(long id) {
        Ask ask = asks.get(id);
        if (ask == null) {
            fleet.onProtocolError(this, "an answer to sequence " + id + ", which is not in flight");
        }
        return ask;
    }

    private Rules rules() {
        Rules known = rules;
        if (known == null) {
            throw new IllegalStateException("rows before the stream was opened");
        }
        return known;
    }

    private void grant(Credit credit) {
        lastMessageNanos = fleet.nowNanos();
        creditSequences = Integer.toUnsignedLong(credit.getSequences());
        creditTokens = credit.getTokens() < 0 ? Long.MAX_VALUE : credit.getTokens();
    }

    private ClientCallStreamObserver<ScoreSequencesRequest> requests() {
        ClientCallStreamObserver<ScoreSequencesRequest> stream = requests;
        if (stream == null) {
            throw new IllegalStateException("the call has not started");
        }
        return stream;
    }
}
