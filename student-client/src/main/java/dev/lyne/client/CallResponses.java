package dev.lyne.client;

import dev.lyne.row.RowSource;
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
    private final ReplicaConnection connection;
    private final ReplicaPool pool;

    /** Owned by the callbacks. */
    private @Nullable Rules rules;

    private record Rules(BlockIdentity identity, RowCheck check) {}

    CallResponses(ReplicaCall call, ReplicaConnection connection, ReplicaPool pool) {
        this.call = call;
        this.connection = connection;
        this.pool = pool;
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<ScoreSequencesRequest> stream) {
        call.made(stream);
        stream.disableAutoRequestWithInitial(MESSAGES_AHEAD);
        stream.setOnReadyHandler(() -> pool.locked(call, pool::onReady));
    }

    @Override
    public void onNext(ScoreSequencesResponse response) {
        switch (response.getMessageCase()) {
            case OPENED -> onOpened(response.getOpened());
            case CREDIT -> pool.locked(call, () -> pool.onCredit(call, response.getCredit()));
            case ROWS -> onRows(response.getRows());
            case DONE -> onDone(response.getDone());
            case FAILED -> onFailed(response.getFailed());
            case PROGRESS ->
                pool.locked(
                        call,
                        () -> pool.onProgress(
                                connection, call, response.getProgress().getDevicePositions()));
            case MESSAGE_NOT_SET -> pool.locked(call, () -> protocolError("an empty message"));
        }
        pool.locked(call, call::requestNext);
    }

    @Override
    public void onError(Throwable throwable) {
        onEnded(CallFailure.of(throwable));
    }

    @Override
    public void onCompleted() {
        onEnded(CallFailure.of(Status.Code.UNAVAILABLE, "the server completed the stream"));
    }

    private void onEnded(CallFailure failure) {
        pool.locked(call, () -> {
            call.ended();
            pool.onCallEnded(connection, call, failure);
        });
    }

    private void onOpened(StreamOpened message) {
        TeacherDescription teacher = Contract.description(message.getTeacher());
        pool.locked(call, () -> {
            if (call.hasOpened()) {
                protocolError("opened twice");
            } else if (pool.acceptsTeacher(connection, call, teacher, message.getVouchedOnly())) {
                BlockIdentity identity = pool.identity(message.getTeacher());
                rules = new Rules(identity, new RowCheck(identity));
                pool.onOpened(connection, call, message.getCredit());
            }
        });
    }

    private void onRows(Rows rows) {
        Attempt attempt = inFlight(rows.getId());
        if (attempt == null) {
            return;
        }
        RowSource source;
        try {
            source = RowSource.of(rows.getSourceValue(), rows.getTier());
        } catch (IllegalArgumentException e) {
            pool.locked(call, () -> protocolError("rows of unknown origin: " + e.getMessage()));
            return;
        }
        int bytes = rows.getBlock().size();
        if (attempt.withdrawn) {
            pool.locked(call, () -> pool.onUnwantedBytes(bytes));
            return;
        }
        try {
            Rules known = rules();
            attempt.add(known.identity, known.check, rows, source);
            pool.locked(call, () -> pool.onRows(attempt));
        } catch (MisalignedTargetsException e) {
            pool.locked(call, () -> {
                pool.onUnwantedBytes(bytes);
                if (!attempt.withdrawn) {
                    call.withdraw(attempt);
                    pool.onMisaligned(attempt, e);
                }
            });
        }
    }

    /** The sequence stays in flight until its rows are checked, so that a call which ends meanwhile gives it back. */
    private void onDone(SequenceDone done) {
        Attempt attempt = inFlight(done.getId());
        if (attempt == null) {
            return;
        }
        Runnable outcome;
        try {
            Rules known = rules();
            Targets targets = attempt.finish(known.identity, known.check, done.getRows());
            outcome = () -> pool.onTargets(connection, attempt, targets);
        } catch (MisalignedTargetsException e) {
            outcome = () -> pool.onMisaligned(attempt, e);
        }
        answered(attempt, true, outcome);
    }

    private void onFailed(SequenceFailed failed) {
        Attempt attempt = inFlight(failed.getId());
        if (attempt != null) {
            answered(
                    attempt,
                    false,
                    () -> pool.onSequenceFailed(connection, attempt, CallFailure.of(failed.getStatus())));
        }
    }

    private void answered(Attempt attempt, boolean done, Runnable outcome) {
        pool.locked(call, () -> pool.onAnswered(connection, call, attempt, done, outcome));
    }

    /** The sequence that a message is about; null, and the end of the call, where it is not in flight. */
    private @Nullable Attempt inFlight(long id) {
        return pool.lockedGet(call, () -> {
            pool.onMessage(call);
            Attempt attempt = call.inFlight().get(id);
            if (attempt == null) {
                protocolError("an answer to sequence " + id + ", which is not in flight");
            }
            return attempt;
        });
    }

    private void protocolError(String what) {
        pool.onCallEnded(connection, call, CallFailure.of(Status.Code.INTERNAL, "broke the protocol: " + what));
    }

    private Rules rules() {
        Rules known = rules;
        if (known == null) {
            throw new IllegalStateException("rows before the stream was opened");
        }
        return known;
    }
}
