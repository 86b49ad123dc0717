package dev.lyne.teacher.rpc;

import dev.lyne.teacher.admission.Admission;
import dev.lyne.teacher.admission.StreamTerms;
import dev.lyne.teacher.admission.Verdict;
import dev.lyne.teacher.cache.EncodedSequence;
import dev.lyne.teacher.cache.Origin;
import dev.lyne.teacher.cache.ScoreTask;
import dev.lyne.teacher.cache.Ticket;
import dev.lyne.teacher.cache.Waiter;
import dev.lyne.teacher.model.Failure;
import dev.lyne.v1.Progress;
import dev.lyne.v1.ScoreSequencesRequest;
import dev.lyne.v1.ScoreSequencesResponse;
import dev.lyne.v1.Sequence;
import dev.lyne.v1.SequenceFailed;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * An opened stream: its sequences in flight, from receipt until their last message leaves. They give their credit back
 * right before it does, since the student may spend it as soon as it reads that message.
 *
 * <p>gRPC calls {@link #onRequest}, {@link #halfClose} and {@link #cancelled} one at a time; waiters, the sender and a drain
 * call from other threads. What more than one touches is guarded by {@code lock}, with which nothing foreign is called.
 */
final class ScoreStream {
    /** Refusals that may wait for their reader before the stream stops reading requests. */
    private static final int MAX_WAITING_REFUSALS = 64;

    private final StreamTerms terms;
    private final ServedTeacher teacher;
    private final Admission admission;
    private final RpcMetrics metrics;
    private final RpcMetrics.Served served;
    private final LongSupplier nanoClock;
    private final ServerCallStreamObserver<ScoreSequencesResponse> call;
    private final PacedSender sender;

    private final Object lock = new Object();
    private final Map<Long, InFlight> inFlight = new HashMap<>(); // guarded by lock
    private int creditedSequences; // guarded by lock
    private long creditedTokens; // guarded by lock
    private boolean readingPaused; // guarded by lock
    private boolean halfClosed; // guarded by lock
    private boolean draining; // guarded by lock
    private boolean ended; // guarded by lock

    ScoreStream(
            StreamTerms terms,
            ServedTeacher teacher,
            Admission admission,
            RpcMetrics metrics,
            RpcMetrics.Served served,
            LongSupplier nanoClock,
            ServerCallStreamObserver<ScoreSequencesResponse> call,
            PacedSender sender) {
        this.terms = terms;
        this.teacher = teacher;
        this.admission = admission;
        this.metrics = metrics;
        this.served = served;
        this.nanoClock = nanoClock;
        this.call = call;
        this.sender = sender;
    }

    /** A sequence in flight. */
    private final class InFlight implements Waiter {
        private final long id;
        private final int creditTokens;
        private final boolean credited;
        private Optional<ScoreTask> admitted = Optional.empty(); // guarded by lock; its tokens are to be released
        private Ticket ticket = Ticket.ANSWERED; // owned by gRPC's calls

        InFlight(Sequence sequence, boolean credited) {
            this.id = sequence.getId();
            this.credited = credited;
            this.creditTokens = credited ? sequence.getTokenIdsCount() : 0;
        }

        @Override
        public void scored(EncodedSequence rows, Origin origin, boolean narrowed) {
            release(this);
            sender.offer(Outgoing.rows(id, rows, origin, narrowed, served::sent, () -> leaving(this)));
        }

        @Override
        public void failed(Failure failure) {
            release(this);
            metrics.refused(failure);
            SequenceFailed answer = SequenceFailed.newBuilder()
                    .setId(id)
                    .setStatus(Statuses.toStatus(failure))
                    .build();
            sender.offer(Outgoing.message(
                    ScoreSequencesResponse.newBuilder().setFailed(answer).build(), () -> leaving(this)));
        }
    }

    /** Takes a request after the opening one. */
    void onRequest(ScoreSequencesRequest request) {
        switch (request.getMessageCase()) {
            case SEQUENCE -> sequence(request.getSequence());
            case CANCEL -> cancel(request.getCancel().getId());
            case OPEN -> violate("message: a second open (expected: sequence or cancel)");
            case MESSAGE_NOT_SET -> violate("message: none (expected: sequence or cancel)");
        }
        readOn();
    }

    private void sequence(Sequence sequence) {
        InFlight entry;
        Optional<Failure> refusal;
        synchronized (lock) {
            if (ended) {
                return;
            }
            refusal = terms.checkCredit(creditedSequences, creditedTokens, sequence.getTokenIdsCount());
            entry = new InFlight(sequence, refusal.isEmpty());
            if (inFlight.containsKey(entry.id)) {
                entry = null;
            } else {
                inFlight.put(entry.id, entry);
                creditedSequences += entry.credited ? 1 : 0;
                creditedTokens += entry.creditTokens;
                metrics.sequencesInFlight.incrementAndGet();
            }
        }
        if (entry == null) {
            violate("sequence.id: " + Long.toUnsignedString(sequence.getId()) + " (expected: an id not in flight)");
        } else if (refusal.isPresent()) {
            entry.failed(refusal.get());
        } else {
            admit(sequence, entry);
        }
    }

    private void admit(Sequence sequence, InFlight entry) {
        Verdict<ScoreTask> verdict = admission.admit(sequence, terms, nanoClock.getAsLong());
        if (verdict instanceof Verdict.Accepted<ScoreTask> accepted) {
            synchronized (lock) {
                entry.admitted = Optional.of(accepted.value());
            }
            entry.ticket = teacher.sequences().score(accepted.value(), entry);
        } else if (verdict instanceof Verdict.Refused<ScoreTask> refused) {
            entry.failed(refused.failure());
        }
    }

    private void cancel(long id) {
        InFlight entry;
        synchronized (lock) {
            entry = inFlight.get(id);
        }
        if (entry != null && entry.ticket.withdraw()) {
            entry.failed(new Failure(Failure.Reason.WITHDRAWN, "the student withdrew the sequence"));
        }
    }

    private void violate(String line) {
        Failure failure = new Failure(Failure.Reason.PROTOCOL_VIOLATION, line);
        metrics.refused(failure);
        sender.endNow(observer -> observer.onError(Statuses.toException(failure)));
        abandon();
    }

    /** Asks for the next request, unless refusals pile up before a reader that does not read. */
    private void readOn() {
        synchronized (lock) {
            if (ended || halfClosed) {
                return;
            }
            if (inFlight.size() - creditedSequences >= MAX_WAITING_REFUSALS) {
                readingPaused = true;
                return;
            }
        }
        call.request(1);
    }

    /** The student sends no more: the stream completes with its last answer. */
    void halfClose() {
        synchronized (lock) {
            halfClosed = true;
        }
        endWhereDone();
    }

    /** The server goes away: the stream ends with its last answer. */
    void drain() {
        synchronized (lock) {
            draining = true;
        }
        endWhereDone();
    }

    /** Tells a student that waits how far the device is. */
    void tellProgress() {
        synchronized (lock) {
            if (ended || inFlight.isEmpty()) {
                return;
            }
        }
        sender.tell(ScoreSequencesResponse.newBuilder()
                .setProgress(Progress.newBuilder()
                        .setDevicePositions(teacher.devicePositions().getAsLong()))
                .build());
    }

    /** The student is gone. */
    void cancelled() {
        sender.endNow(observer -> {});
        abandon();
    }

    private void abandon() {
        List<InFlight> left;
        synchronized (lock) {
            ended = true;
            left = List.copyOf(inFlight.values());
            inFlight.clear();
            metrics.sequencesInFlight.addAndGet(-left.size());
        }
        for (InFlight entry : left) {
            if (entry.ticket.withdraw()) {
                release(entry);
            }
        }
    }

    private void release(InFlight entry) {
        Optional<ScoreTask> task;
        synchronized (lock) {
            task = entry.admitted;
            entry.admitted = Optional.empty();
        }
        task.ifPresent(admission::release);
    }

    private void leaving(InFlight entry) {
        boolean resume;
        synchronized (lock) {
            if (!inFlight.remove(entry.id, entry)) {
                return;
            }
            metrics.sequencesInFlight.decrementAndGet();
            creditedSequences -= entry.credited ? 1 : 0;
            creditedTokens -= entry.creditTokens;
            resume = readingPaused && inFlight.size() - creditedSequences < MAX_WAITING_REFUSALS;
            if (resume) {
                readingPaused = false;
            }
        }
        if (resume) {
            call.request(1);
        }
        endWhereDone();
    }

    private void endWhereDone() {
        Consumer<ServerCallStreamObserver<ScoreSequencesResponse>> action;
        synchronized (lock) {
            if (ended || !inFlight.isEmpty()) {
                return;
            }
            if (halfClosed) {
                action = ServerCallStreamObserver::onCompleted;
            } else if (draining) {
                action = observer -> observer.onError(Statuses.toException(Admission.drainingFailure()));
            } else {
                return;
            }
            ended = true;
        }
        sender.endAfterQueue(action);
    }
}
