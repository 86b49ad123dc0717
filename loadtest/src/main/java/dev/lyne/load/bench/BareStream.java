package dev.lyne.load.bench;

import com.google.protobuf.BytesValue;
import com.google.protobuf.Int64Value;
import com.google.protobuf.UnsafeByteOperations;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * A stream of gRPC by itself: a server with the teacher server's transport settings and as many threads, which sends as
 * many messages of one size as it is asked for, as fast as the reader takes them. A {@link BareTeacher} beside it
 * answers every sequence with one such message.
 */
final class BareStream implements AutoCloseable {
    /** Asks for so many messages. */
    static final MethodDescriptor<Int64Value, BytesValue> METHOD = MethodDescriptor.<Int64Value, BytesValue>newBuilder()
            .setType(MethodDescriptor.MethodType.SERVER_STREAMING)
            .setFullMethodName("lyne.bench.BareStream/Send")
            .setRequestMarshaller(ProtoUtils.marshaller(Int64Value.getDefaultInstance()))
            .setResponseMarshaller(ProtoUtils.marshaller(BytesValue.getDefaultInstance()))
            .build();

    private final byte[] message;
    private final ExecutorService calls;
    private final Server server;

    /** Starts it on a free port of the loopback address. */
    BareStream(int messageBytes) throws IOException {
        this.message = new byte[messageBytes];
        new SplittableRandom(messageBytes).nextBytes(message);
        this.calls =
                Executors.newFixedThreadPool(Math.max(2, Runtime.getRuntime().availableProcessors()));
        this.server = NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .executor(calls)
                .flowControlWindow(1 << 20)
                .addService(ServerServiceDefinition.builder("lyne.bench.BareStream")
                        .addMethod(METHOD, ServerCalls.asyncServerStreamingCall(this::send))
                        .build())
                .addService(new BareTeacher(UnsafeByteOperations.unsafeWrap(message)))
                .build()
                .start();
    }

    int port() {
        return server.getPort();
    }

    private void send(Int64Value count, StreamObserver<BytesValue> reader) {
        var call = (ServerCallStreamObserver<BytesValue>) reader;
        call.setOnReadyHandler(new Runnable() {
            private long left = count.getValue();
            private boolean completed;

            @Override
            public void run() {
                while (left > 0 && call.isReady()) {
                    call.onNext(BytesValue.newBuilder()
                            .setValue(UnsafeByteOperations.unsafeWrap(message))
                            .build());
                    left--;
                }
                if (left == 0 && !completed) {
                    completed = true;
                    call.onCompleted();
                }
            }
        });
    }

    @Override
    public void close() {
        server.shutdownNow();
        calls.shutdownNow();
        try {
            server.awaitTermination(10, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
