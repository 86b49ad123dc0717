package dev.lyne.teacher.engine;

import io.grpc.BindableService;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * vLLM's side of the engines' gRPC protocol, over real gRPC. What it says of itself and the rows of one sequence are recorded from a real one
 * ({@code make_grpc_answers.py}); other rows are by the rule of {@link FakeEngine}, cut as vLLM's servicer cuts them.
 */
final class FakeGrpcEngine implements AutoCloseable {
    private static final String SERVICE = "vllm.grpc.engine.VllmEngine";
    static final int MAX_LOGPROBS = 20;
    private static final int VOCABULARY = 4096;

    private final int port;
    private Server server;
    final AtomicInteger asked = new AtomicInteger();
    final CountDownLatch cancelled = new CountDownLatch(1);

    /** Moves every row: other weights. */
    volatile int weights;

    /** Refusal of sequences of {@link FakeEngine#FAULTY_LENGTH} tokens; OK: none. */
    volatile Status refusal = Status.OK;

    /** Whether such sequences are never answered. */
    volatile boolean hangs;

    volatile boolean healthy = true;

    FakeGrpcEngine() throws IOException {
        server = listen(0);
        port = server.getPort();
    }

    InetSocketAddress address() {
        return InetSocketAddress.createUnresolved("127.0.0.1", port);
    }

    void kill() throws InterruptedException {
        server.shutdownNow().awaitTermination();
    }

    void restart() throws IOException {
        server = listen(port);
    }

    private Server listen(int at) throws IOException {
        return NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), at))
                .addService((BindableService) this::service)
                .build()
                .start();
    }

    private ServerServiceDefinition service() {
        return ServerServiceDefinition.builder(SERVICE)
                .addMethod(
                        method("HealthCheck", MethodType.UNARY),
                        ServerCalls.asyncUnaryCall((request, answers) -> say(
                                answers,
                                healthy
                                        ? recorded("vllm-health")
                                        : GrpcMessage.write(out -> out.writeString(2, "no")))))
                .addMethod(
                        method("GetServerInfo", MethodType.UNARY),
                        ServerCalls.asyncUnaryCall((request, answers) -> say(answers, recorded("vllm-server"))))
                .addMethod(
                        method("GetModelInfo", MethodType.UNARY),
                        ServerCalls.asyncUnaryCall((request, answers) -> say(answers, recorded("vllm-model"))))
                .addMethod(
                        method("Generate", MethodType.SERVER_STREAMING),
                        ServerCalls.asyncServerStreamingCall(this::generate))
                .build();
    }

    private static MethodDescriptor<byte[], byte[]> method(String name, MethodType type) {
        MethodDescriptor.Marshaller<byte[]> bytes = new MethodDescriptor.Marshaller<>() {
            @Override
            public InputStream stream(byte[] value) {
                return new ByteArrayInputStream(value);
            }

            @Override
            public byte[] parse(InputStream stream) {
                try {
                    return stream.readAllBytes();
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        };
        return MethodDescriptor.newBuilder(bytes, bytes)
                .setType(type)
                .setFullMethodName(MethodDescriptor.generateFullMethodName(SERVICE, name))
                .build();
    }

    static byte[] recorded(String name) {
        try (InputStream file =
                Objects.requireNonNull(FakeGrpcEngine.class.getResourceAsStream("grpc-" + name + ".binpb"), name)) {
            return file.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void say(StreamObserver<byte[]> answers, byte[] message) {
        answers.onNext(message);
        answers.onCompleted();
    }

    private void generate(byte[] request, StreamObserver<byte[]> answers) {
        try {
            GrpcMessage message = GrpcMessage.read(request);
            int[] tokens = message.message(2).integers(2);
            GrpcMessage sampling = message.message(4);
            int most = (int) sampling.number(23);
            if (most > MAX_LOGPROBS) {
                answers.onError(Status.INVALID_ARGUMENT
                        .withDescription("Requested prompt logprobs of " + most + ", 100 % above max allowed: 20")
                        .asRuntimeException());
                return;
            }
            if (tokens.length != 32 && tokens.length != 2) { // neither a probe nor a try of k
                asked.incrementAndGet();
            }
            if (tokens.length == FakeEngine.FAULTY_LENGTH && !refusal.isOk()) {
                answers.onError(refusal.asRuntimeException());
                return;
            }
            if (tokens.length == FakeEngine.FAULTY_LENGTH && hangs) {
                ((ServerCallStreamObserver<byte[]>) answers).setOnCancelHandler(cancelled::countDown);
                return;
            }
            boolean asRecorded = Arrays.equals(tokens, FakeEngine.RECORDED) && sampling.has(22);
            say(answers, asRecorded && most == 5 ? recorded("vllm-top4") : rows(tokens, most, sampling.has(22)));
        } catch (EngineException e) {
            answers.onError(Status.INTERNAL.withDescription(e.line()).asRuntimeException());
        }
    }

    private byte[] rows(int[] tokens, int most, boolean last) {
        byte[] inputs = GrpcMessage.write(out -> {
            for (int i = 0; i < tokens.length; i++) {
                float label = i == 0 ? 0 : logProbability(rank(tokens, i));
                out.writeByteArray(1, i == 0 ? new byte[0] : GrpcMessage.write(value -> value.writeFloat(1, label)));
            }
            out.writeByteArray(2, GrpcMessage.packed(tokens));
            for (int i = 0; i < tokens.length && most > 0; i++) {
                out.writeByteArray(3, i == 0 ? new byte[0] : best(tokens, i, most));
            }
        });
        byte[] outputs = GrpcMessage.write(out -> {
            if (most > 0) {
                out.writeByteArray(3, best(tokens, tokens.length, most));
            }
        });
        byte[] complete = GrpcMessage.write(out -> {
            if (last) {
                out.writeByteArray(6, outputs);
            }
            out.writeByteArray(7, inputs);
        });
        return GrpcMessage.write(out -> out.writeByteArray(2, complete));
    }

    private int start(int[] tokens, int i) {
        return Math.floorMod(tokens[i - 1] + 7 + weights, VOCABULARY);
    }

    private int rank(int[] tokens, int i) {
        return Math.floorMod(tokens[i] - start(tokens, i), VOCABULARY);
    }

    /** The actual token and then the others by rank, cut to so many: where it is none of them, the last of them is lost. */
    private byte[] best(int[] tokens, int i, int most) {
        int actual = i < tokens.length ? rank(tokens, i) : 0; // or the one that is generated
        int[] ranks = new int[most];
        ranks[0] = actual;
        for (int rank = 0, at = 1; at < most; rank++) {
            if (rank != actual) {
                ranks[at++] = rank;
            }
        }
        int[] ids = Arrays.stream(ranks)
                .map(rank -> (start(tokens, i) + rank) % VOCABULARY)
                .toArray();
        byte[] values = GrpcMessage.write(out -> {
            for (int rank : ranks) {
                out.writeFloatNoTag(logProbability(rank));
            }
        });
        return GrpcMessage.write(out -> {
            out.writeByteArray(1, values);
            out.writeByteArray(2, GrpcMessage.packed(ids));
        });
    }

    private static float logProbability(int rank) {
        return (float) (-Math.log(2) * (rank + 1));
    }

    @Override
    public void close() throws InterruptedException {
        kill();
    }
}
