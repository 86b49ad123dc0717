package dev.lyne.teacher.rpc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.teacher.access.Authenticator;
import dev.lyne.teacher.access.Identity;
import dev.lyne.teacher.admission.Admission;
import dev.lyne.teacher.admission.AdmissionResult;
import dev.lyne.teacher.admission.DecodeAdmission;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.PacedLog;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.v1.DecodeRequest;
import dev.lyne.v1.DecodeResponse;
import dev.lyne.v1.GetTeacherRequest;
import dev.lyne.v1.GetTeacherResponse;
import dev.lyne.v1.GetTokenizerRequest;
import dev.lyne.v1.GetTokenizerResponse;
import dev.lyne.v1.ListTeachersRequest;
import dev.lyne.v1.ListTeachersResponse;
import dev.lyne.v1.ScoreSequencesRequest;
import dev.lyne.v1.ScoreSequencesResponse;
import dev.lyne.v1.TeacherServiceGrpc;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.grpc.stub.StreamObservers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.slf4j.LoggerFactory;

/** The service of the contract. Safe for several threads; no call blocks. */
public final class TeacherRpc extends TeacherServiceGrpc.TeacherServiceImplBase {
    private static final PacedLog DEFECTS = new PacedLog(LoggerFactory.getLogger(TeacherRpc.class));

    private final Teachers teachers;
    private final Admission admission;
    private final RpcMetrics metrics;
    private final UnsentBudget unsent;
    private final LongSupplier nanoClock;
    private final Object lock = new Object();

    @GuardedBy("lock")
    private final Set<OpenCall> streams = new HashSet<>();

    @GuardedBy("lock")
    private boolean draining;

    /**
     * A service without teachers, which come by {@link #serve}.
     *
     * @param longestContext tokens of the longest sequence that a request can carry
     * @param whyNotServed why a teacher is not served now that is known by that name; empty for names that nobody knows
     */
    public TeacherRpc(
            Admission admission,
            RpcMetrics metrics,
            int longestContext,
            Function<String, Optional<String>> whyNotServed,
            LongSupplier nanoClock) {
        this.teachers = new Teachers(admission.limits(), metrics, longestContext, whyNotServed);
        this.admission = admission;
        this.metrics = metrics;
        this.unsent = new UnsentBudget(admission.limits().maxServerUnsentBytes(), nanoClock);
        metrics.bindRoom(unsent);
        this.nanoClock = nanoClock;
    }

    @Override
    public void listTeachers(ListTeachersRequest request, StreamObserver<ListTeachersResponse> response) {
        ListTeachersResponse.Builder list = ListTeachersResponse.newBuilder();
        teachers.all(Caller.current()).forEach(teacher -> list.addTeachers(teachers.describe(teacher)));
        response.onNext(list.build());
        response.onCompleted();
    }

    @Override
    public void getTeacher(GetTeacherRequest request, StreamObserver<GetTeacherResponse> response) {
        AdmissionResult<ServedTeacher> found = teachers.find(request.getName(), Caller.current());
        if (found instanceof AdmissionResult.Accepted<ServedTeacher> accepted) {
            response.onNext(GetTeacherResponse.newBuilder()
                    .setTeacher(teachers.describe(accepted.value()))
                    .build());
            response.onCompleted();
        } else if (found instanceof AdmissionResult.Refused<ServedTeacher> refused) {
            metrics.refused(refused.failure());
            response.onError(Statuses.toException(refused.failure()));
        }
    }

    @Override
    public void getTokenizer(GetTokenizerRequest request, StreamObserver<GetTokenizerResponse> response) {
        AdmissionResult<ServedTeacher> found = teachers.findWithTokenizer(request.getTeacher(), Caller.current());
        if (found instanceof AdmissionResult.Accepted<ServedTeacher> accepted) {
            var call = (ServerCallStreamObserver<GetTokenizerResponse>) response;
            call.setOnCancelHandler(() -> {}); // who leaves in the middle is no fault
            StreamObservers.copyWithFlowControl(
                    TokenizerParts.of(accepted.value().tokenizer()), call);
        } else if (found instanceof AdmissionResult.Refused<ServedTeacher> refused) {
            metrics.refused(refused.failure());
            response.onError(Statuses.toException(refused.failure()));
        }
    }

    @Override
    public StreamObserver<ScoreSequencesRequest> scoreSequences(StreamObserver<ScoreSequencesResponse> response) {
        return begin(response, ScoreStream.opener(teachers, admission, nanoClock));
    }

    @Override
    public StreamObserver<DecodeRequest> decode(StreamObserver<DecodeResponse> response) {
        return begin(response, DecodeStream.opener(teachers, new DecodeAdmission(admission), nanoClock));
    }

    private <Q, A> StreamObserver<Q> begin(StreamObserver<A> response, TeacherCall.Opener<Q, A> opener) {
        TeacherCall<Q, A> call = new TeacherCall<>(
                (ServerCallStreamObserver<A>) response, opener, metrics, unsent, nanoClock, this::ended);
        opened(call);
        return call;
    }

    private void opened(OpenCall stream) {
        boolean drainNow;
        synchronized (lock) {
            streams.add(stream);
            metrics.streams.incrementAndGet();
            drainNow = draining;
        }
        if (drainNow) {
            stream.drain(Admission.drainingFailure());
        }
    }

    /** Names a teacher: calls that come from now on may ask it, in the place of the one that had its name. */
    public void serve(ServedTeacher teacher) {
        teachers.add(teacher);
    }

    /**
     * Names a teacher no longer, lets the calls that ask it end with the answers that they are owed, and cuts those that have not by then.
     *
     * @return true where all ended in time
     */
    public boolean drain(ServedTeacher teacher, Duration timeout) throws InterruptedException {
        teachers.remove(teacher);
        Failure why = Teachers.leaving(teacher.description().name());
        Predicate<OpenCall> asking = call -> call.asks(teacher);
        forEachStream(call -> {
            if (asking.test(call)) {
                call.drain(why);
            }
        });
        if (awaitNoStreams(asking, timeout)) {
            return true;
        }
        forEachStream(call -> {
            if (asking.test(call)) {
                call.cut(why);
            }
        });
        return false;
    }

    /** Returns the statuses of the open sessions of Decode, in order of opening. */
    public List<SessionStatus> sessions() {
        List<SessionStatus> all = new ArrayList<>();
        forEachStream(stream -> stream.session().ifPresent(all::add));
        all.sort(Comparator.comparingLong(SessionStatus::stream));
        return all;
    }

    /** Returns the statuses of the open streams of scores, in order of opening. */
    public List<StreamStatus> streams() {
        List<StreamStatus> all = new ArrayList<>();
        forEachStream(stream -> stream.status().ifPresent(all::add));
        all.sort(Comparator.comparingLong(StreamStatus::stream));
        return all;
    }

    /** Tells the students of all streams that wait how far their teacher's device is. */
    public void tellProgress() {
        forEachStream(OpenCall::tellProgress);
    }

    /** Ends the streams whose readers have taken nothing for too long while others waited for the room that their rows take. */
    public void endStalled() {
        forEachStream(OpenCall::endWhereStalled);
        unsent.serveLine();
    }

    /** Ends the streams whose callers are not known any more, or may not do any more what they do. */
    public void endStrangers(Authenticator authenticator) {
        forEachStream(stream -> {
            Identity identity = authenticator.again(stream.caller());
            if (identity instanceof Identity.Refused refused) {
                stream.cut(refused.failure());
            } else if (identity instanceof Identity.Known known) {
                stream.renew(known.caller());
            }
        });
    }

    /** Calls every open stream, whatever one of them throws. */
    private void forEachStream(Consumer<OpenCall> action) {
        List<OpenCall> open;
        synchronized (lock) {
            open = List.copyOf(streams);
        }
        for (OpenCall stream : open) {
            try {
                action.accept(stream);
            } catch (Throwable e) {
                DEFECTS.error("a stream failed", e);
            }
        }
    }

    private void ended(OpenCall stream) {
        synchronized (lock) {
            if (streams.remove(stream)) {
                metrics.streams.decrementAndGet();
            }
            lock.notifyAll();
        }
    }

    /**
     * Refuses new work, lets every stream end with the answers it is owed, and cuts those that have not by then.
     *
     * @return true where all ended in time
     */
    public boolean drain(Duration timeout) throws InterruptedException {
        admission.drain();
        synchronized (lock) {
            draining = true;
        }
        forEachStream(stream -> stream.drain(Admission.drainingFailure()));
        if (awaitNoStreams(call -> true, timeout)) {
            return true;
        }
        forEachStream(stream -> stream.cut(Admission.drainingFailure()));
        return false;
    }

    private boolean awaitNoStreams(Predicate<OpenCall> which, Duration timeout) throws InterruptedException {
        long endNanos = System.nanoTime() + timeout.toNanos();
        synchronized (lock) {
            while (streams.stream().anyMatch(which)) {
                long leftMillis = (endNanos - System.nanoTime()) / 1_000_000;
                if (leftMillis <= 0) {
                    return false;
                }
                lock.wait(leftMillis);
            }
            return true;
        }
    }
}
