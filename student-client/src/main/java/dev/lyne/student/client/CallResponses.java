package dev.lyne.student.client;

import dev.lyne.v1.Rows;
import dev.lyne.v1.ScoreSequencesRequest;
import dev.lyne.v1.ScoreSequencesResponse;
import dev.lyne.v1.SequenceDone;
import dev.lyne.v1.SequenceFailed;
import dev.lyne.v1.StreamOpened;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import org.jspecify.annotations.Nullable;

/**
 * Reads what comes back on one call. gRPC calls back one message at a time on a thread that is not an event loop's; a callback
 * decodes and checks rows without the stream's lock, and takes the lock, briefly, to say what came. The next message is let in
 * only when the one before has been dealt with, so that the bytes waiting here are those of gRPC's own window.
 */
final class CallResponses implements ClientResponseObserver<ScoreSequencesRequest, ScoreSequencesResponse> {
    private static final int MESSAGES_AHEAD = 4;

    private final ReplicaCall call;
    private final Link link;
    private final CallEvents events;

    /** Owned by the callbacks. */
    private @Nullable Rules rules;

    private record Rules(BlockIdentity identity, RowCheck check) {}

    CallResponses(ReplicaCall call, Link link, CallEvents events) {
        this.call = call;
        this.link = link;
        this.events = events;
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<ScoreSequencesRequest> stream) {
        call.made(stream);
        stream.disableAutoRequestWithInitial(MESSAGES_AHEAD);
        stream.setOnReadyHandler(() -> events.locked(call, events::onReady));
    }

    @Override
    public void onNext(ScoreSequencesResponse response) {
        switch (response.getMessageCase()) {
            case OPENED -> onOpened(response.getOpened());
            case CREDIT -> events.locked(call, () -> events.onCredit(call, response.getCredit()));
            case ROWS -> onRows(response.getRows());
            case DONE -> onDone(response.getDone());
            case FAILED -> onFailed(response.getFailed());
            case PROGRESS -> {} // the teacher's device is alive
            case MESSAGE_NOT_SET -> events.locked(call, () -> protocolError("an empty message"));
        }
        events.locked(call, call::requestNext);
    }

    @Override
    public void onError(Throwable throwable) {
        onEnded(Failure.of(throwable));
    }

    @Override
    public void onCompleted() {
        onEnded(Failure.of(Status.Code.UNAVAILABLE, "the server completed the stream"));
    }

    private void onEnded(Failure failure) {
        events.locked(call, () -> {
            call.ended();
            events.onCallEnded(link, call, failure);
        });
    }

    private void onOpened(StreamOpened message) {
        TeacherDescription teacher = Contract.description(message.getTeacher());
        events.locked(call, () -> {
            if (call.hasOpened()) {
                protocolError("opened twice");
            } else if (events.acceptsTeacher(link, teacher)) {
                BlockIdentity identity = events.identity(message.getTeacher());
                rules = new Rules(identity, new RowCheck(identity));
                events.onOpened(link, call, message.getCredit());
            }
        });
    }

    private void onRows(Rows rows) {
        Ask ask = inFlight(rows.getId());
        if (ask == null) {
            return;
        }
        RowSource source = Contract.source(rows.getSource());
        if (source == null) {
            events.locked(call, () -> protocolError("rows without a source"));
            return;
        }
        int bytes = rows.getBlock().size();
        if (ask.withdrawn) {
            events.locked(call, () -> events.onUnwantedBytes(bytes));
            return;
        }
        try {
            Rules known = rules();
            ask.add(known.identity, known.check, rows, source);
            events.locked(call, events::onRows);
        } catch (MisalignedTargetsException e) {
            events.locked(call, () -> {
                events.onUnwantedBytes(bytes);
                if (!ask.withdrawn) {
                    call.withdraw(ask);
                    events.onMisaligned(ask, e);
                }
            });
        }
    }

    /** The sequence stays in flight until its rows are checked, so that a call which ends meanwhile gives it back. */
    private void onDone(SequenceDone done) {
        Ask ask = inFlight(done.getId());
        if (ask == null) {
            return;
        }
        Runnable outcome;
        try {
            Rules known = rules();
            Targets targets = ask.finish(known.identity, known.check, done.getRows());
            outcome = () -> events.onTargets(link, ask, targets);
        } catch (MisalignedTargetsException e) {
            outcome = () -> events.onMisaligned(ask, e);
        }
        answered(ask, outcome);
    }

    private void onFailed(SequenceFailed failed) {
        Ask ask = inFlight(failed.getId());
        if (ask != null) {
            answered(ask, () -> events.onSequenceFailed(link, ask, Failure.of(failed.getStatus())));
        }
    }

    private void answered(Ask ask, Runnable outcome) {
        events.locked(call, () -> events.onAnswered(call, ask, outcome));
    }

    /** The sequence that a message is about; null, and the end of the call, where it is not in flight. */
    private @Nullable Ask inFlight(long id) {
        return events.lockedGet(call, () -> {
            events.onMessage(call);
            Ask ask = call.inFlight().get(id);
            if (ask == null) {
                protocolError("an answer to sequence " + id + ", which is not in flight");
            }
            return ask;
        });
    }

    private void protocolError(String what) {
        events.onCallEnded(link, call, Failure.of(Status.Code.INTERNAL, "broke the protocol: " + what));
    }

    private Rules rules() {
        Rules known = rules;
        if (known == null) {
            throw new IllegalStateException("rows before the stream was opened");
        }
        return known;
    }
}
