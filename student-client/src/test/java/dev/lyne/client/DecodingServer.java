package dev.lyne.client;

import dev.lyne.v1.DecodeOpened;
import dev.lyne.v1.DecodeRequest;
import dev.lyne.v1.DecodeResponse;
import dev.lyne.v1.DecodedTokens;
import dev.lyne.v1.GetTeacherRequest;
import dev.lyne.v1.GetTeacherResponse;
import dev.lyne.v1.Teacher;
import dev.lyne.v1.TeacherServiceGrpc.TeacherServiceImplBase;
import io.grpc.Server;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.net.InetSocketAddress;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A fake server of Decode, which opens every session, unless it is told to refuse them, and answers as a test says. */
abstract class DecodingServer extends TeacherServiceImplBase implements AutoCloseable {
    private final Server server;
    private final Teacher teacher;

    /** Sessions that were asked for. */
    final AtomicInteger opened = new AtomicInteger();

    /** Refusal of a session; null: it is opened. */
    volatile @Nullable StatusRuntimeException refusal;

    DecodingServer() throws Exception {
        try (FakeTeacher like = new FakeTeacher(1)) {
            teacher = like.description().toBuilder().setDecodes(true).build();
        }
        server = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
                .addService(this)
                .build()
                .start();
    }

    /** Takes a request of an opened session. */
    abstract void answer(DecodeRequest request, StreamObserver<DecodeResponse> responses);

    /** Returns the answer that a token was drawn for a sequence. */
    static DecodeResponse drawn(int sequence, int id, float logProbability) {
        return DecodeResponse.newBuilder()
                .setDecoded(DecodedTokens.newBuilder()
                        .addSequences(sequence)
                        .addDrawnTokenIds(id)
                        .addLogProbabilities(logProbability))
                .build();
    }

    String address() {
        return "127.0.0.1:" + server.getPort();
    }

    @Override
    public void close() {
        server.shutdownNow();
    }

    @Override
    public void getTeacher(GetTeacherRequest request, StreamObserver<GetTeacherResponse> responses) {
        responses.onNext(GetTeacherResponse.newBuilder().setTeacher(teacher).build());
        responses.onCompleted();
    }

    @Override
    public StreamObserver<DecodeRequest> decode(StreamObserver<DecodeResponse> responses) {
        return new StreamObserver<>() {
            @Override
            public void onNext(DecodeRequest request) {
                if (!request.hasOpen()) {
                    answer(request, responses);
                    return;
                }
                opened.incrementAndGet();
                StatusRuntimeException refused = refusal;
                if (refused != null) {
                    responses.onError(refused);
                    return;
                }
                responses.onNext(DecodeResponse.newBuilder()
                        .setOpened(DecodeOpened.newBuilder().setTeacher(teacher))
                        .build());
            }

            @Override
            public void onError(Throwable t) {
                // the student has ended the session
            }

            @Override
            public void onCompleted() {
                responses.onCompleted();
            }
        };
    }
}
