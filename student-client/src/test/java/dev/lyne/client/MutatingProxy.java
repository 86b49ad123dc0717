package dev.lyne.client;

import dev.lyne.v1.GetTeacherRequest;
import dev.lyne.v1.GetTeacherResponse;
import dev.lyne.v1.ScoreSequencesRequest;
import dev.lyne.v1.ScoreSequencesResponse;
import dev.lyne.v1.TeacherServiceGrpc;
import dev.lyne.v1.TeacherServiceGrpc.TeacherServiceImplBase;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/** A wire between a student and a teacher server that changes messages on their way. */
public final class MutatingProxy extends TeacherServiceImplBase implements AutoCloseable {
    /** Change of a student's message. */
    public volatile UnaryOperator<ScoreSequencesRequest> request = message -> message;

    /** Change of a server's message; called one message at a time. */
    public volatile Function<ScoreSequencesResponse, List<ScoreSequencesResponse>> response = List::of;

    private final ManagedChannel teacher;
    private final Server server;

    /** Between students and the server at a port of a host. */
    public MutatingProxy(String teacherHost, int teacherPort) throws IOException {
        teacher = NettyChannelBuilder.forAddress(teacherHost, teacherPort)
                .usePlaintext()
                .build();
        server = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
                .addService(this)
                .build()
                .start();
    }

    /** Where students find it. */
    public String address() {
        return "127.0.0.1:" + server.getPort();
    }

    @Override
    public void getTeacher(GetTeacherRequest message, StreamObserver<GetTeacherResponse> answer) {
        TeacherServiceGrpc.newStub(teacher).getTeacher(message, answer);
    }

    @Override
    public StreamObserver<ScoreSequencesRequest> scoreSequences(StreamObserver<ScoreSequencesResponse> student) {
        StreamObserver<ScoreSequencesRequest> requests = TeacherServiceGrpc.newStub(teacher)
                .scoreSequences(new StreamObserver<>() {
                    @Override
                    public void onNext(ScoreSequencesResponse message) {
                        response.apply(message).forEach(student::onNext);
                    }

                    @Override
                    public void onError(Throwable failure) {
                        student.onError(failure);
                    }

                    @Override
                    public void onCompleted() {
                        student.onCompleted();
                    }
                });
        return new StreamObserver<>() {
            @Override
            public void onNext(ScoreSequencesRequest message) {
                requests.onNext(request.apply(message));
            }

            @Override
            public void onError(Throwable failure) {
                requests.onError(failure);
            }

            @Override
            public void onCompleted() {
                requests.onCompleted();
            }
        };
    }

    @Override
    public void close() throws InterruptedException {
        server.shutdownNow();
        teacher.shutdownNow();
        if (!server.awaitTermination(10, TimeUnit.SECONDS) || !teacher.awaitTermination(10, TimeUnit.SECONDS)) {
            throw new IllegalStateException("the proxy does not end");
        }
    }
}
