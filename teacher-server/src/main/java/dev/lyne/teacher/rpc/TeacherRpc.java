package dev.lyne.teacher.rpc;

import dev.lyne.teacher.admission.Admission;
import dev.lyne.teacher.admission.Verdict;
import dev.lyne.v1.GetTeacherRequest;
import dev.lyne.v1.GetTeacherResponse;
import dev.lyne.v1.ListTeachersRequest;
import dev.lyne.v1.ListTeachersResponse;
import dev.lyne.v1.ScoreSequencesRequest;
import dev.lyne.v1.ScoreSequencesResponse;
import dev.lyne.v1.TeacherServiceGrpc;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongSupplier;

/** The service of the contract. Safe for several threads; no call blocks. */
public final class TeacherRpc extends TeacherServiceGrpc.TeacherServiceImplBase {
    private final Teachers teachers;
    private final Admission admission;
    private final RpcMetrics metrics;
    private final LongSupplier nanoClock;
    private final Object lock = new Object();
    private final Set<StreamCall> streams = new HashSet<>(); // guarded by lock
    private boolean draining; // guarded by lock

    public TeacherRpc(List<ServedTeacher> teachers, Admission admission, RpcMetrics metrics, LongSupplier nanoClock) {
        this.teachers = new Teachers(teachers, admission.limits(), metrics);
        this.admission = admission;
        this.metrics = metrics;
        this.nanoClock = nanoClock;
    }

    @Override
    public void listTeachers(ListTeachersRequest request, StreamObserver<ListTeachersResponse> response) {
        ListTeachersResponse.Builder list = ListTeachersResponse.newBuilder();
        teachers.all().forEach(teacher -> list.addTeachers(teachers.describe(teacher)));
        response.onNext(list.build());
        response.onCompleted();
    }

    @Override
    public void getTeacher(GetTeacherRequest request, StreamObserver<GetTeacherResponse> response) {
        Verdict<ServedTeacher> found = teachers.find(request.getName());
        if (found instanceof Verdict.Accepted<ServedTeacher> accepted) {
            response.onNext(GetTeacherResponse.newBuilder()
                    .setTeacher(teachers.describe(accepted.value()))
                    .build());
            response.onCompleted();
        } else if (found instanceof Verdict.Refused<ServedTeacher> refused) {
            metrics.refused(refused.failure());
            response.onError(Statuses.toException(refused.failure()));
        }
    }

    @Override
    public StreamObserver<ScoreSequencesRequest> scoreSequences(StreamObserver<ScoreSequencesResponse> response) {
        StreamCall stream = new StreamCall(
                (ServerCallStreamObserver<ScoreSequencesResponse>) response,
                teachers,
                admission,
                metrics,
                nanoClock,
                this::ended);
        boolean drainNow;
        synchronized (lock) {
            streams.add(stream);
            metrics.streams.incrementAndGet();
            drainNow = draining;
        }
        if (drainNow) {
            stream.drain();
        }
        return stream;
    }

    /** Tells the students of all streams that wait how far their teacher's device is. */
    public void tellProgress() {
        List<StreamCall> open;
        synchronized (lock) {
            open = List.copyOf(streams);
        }
        open.forEach(StreamCall::tellProgress);
    }

    private void ended(StreamCall stream) {
        synchronized (lock) {
            if (streams.remove(stream)) {
                metrics.streams.decrementAndGet();
            }
            lock.notifyAll();
        }
    }

    /**
     * Refuses new work, lets every stream end with the answers it is owed.
     *
     * @return true where all ended in time
     */
    public boolean drain(Duration timeout) throws InterruptedException {
        admission.drain();
        List<StreamCall> open;
        synchronized (lock) {
            draining = true;
            open = List.copyOf(streams);
        }
        open.forEach(StreamCall::drain);
        long endNanos = System.nanoTime() + timeout.toNanos();
        synchronized (lock) {
            while (!streams.isEmpty()) {
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
