package dev.lyne.load.wire;

import dev.lyne.client.RequestPriority;
import dev.lyne.client.TeacherDialer;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * Streams over gRPC, a connection a student. Events come on the event loops that the connections share: nothing that a
 * {@link StreamEvents} does may block.
 */
public final class GrpcConnections implements Connections, AutoCloseable {
    private static final int MAX_MESSAGE_BYTES = 8 << 20;
    private static final int FIRST_MESSAGES = 64;

    private final List<String> addresses;
    private final MultiThreadIoEventLoopGroup loops;
    private final List<ManagedChannel> channels = new ArrayList<>();
    private final RequestPriority priority;

    /** Connections whose work is as urgent as usual. */
    public GrpcConnections(
            List<String> addresses, int students, int threads, Function<String, NettyChannelBuilder> dialer) {
        this(addresses, students, threads, dialer, RequestPriority.USUAL);
    }

    /**
     * Connects lazily.
     *
     * @param addresses of the replicas, HOST:PORT; a student uses one, by its number
     * @param students how many, numbered from 0
     * @param threads event loops, 1 or more
     * @param dialer starts a connection to an address, as {@link dev.lyne.client.TeacherDialer#channel} does
     * @param priority how urgent the work of all streams is
     */
    public GrpcConnections(
            List<String> addresses,
            int students,
            int threads,
            Function<String, NettyChannelBuilder> dialer,
            RequestPriority priority) {
        this.priority = priority;
        this.addresses = List.copyOf(addresses);
        this.loops = new MultiThreadIoEventLoopGroup(threads, NioIoHandler.newFactory());
        IntStream.range(0, students)
                .mapToObj(student -> dialer.apply(addresses.get(student % addresses.size()))
                        .eventLoopGroup(loops)
                        .channelType(NioSocketChannel.class)
                        .directExecutor()
                        .maxInboundMessageSize(MAX_MESSAGE_BYTES)
                        .build())
                .forEach(channels::add);
    }

    @Override
    public RowStream open(int student, StreamKind kind, StreamEvents events) {
        ManagedChannel channel = channels.get(student % channels.size());
        channel.resetConnectBackoff(); // the student decides when to try again
        ClientCall<byte[], Answer> call = channel.newCall(Marshalling.method(kind.keepBlocks()), CallOptions.DEFAULT);
        call.start(new Listener(events, addresses.get(student % addresses.size())), new Metadata());
        call.request(FIRST_MESSAGES);
        call.sendMessage(Marshalling.opening(kind, priority));
        return new Stream(call);
    }

    @Override
    public void close() {
        channels.forEach(ManagedChannel::shutdownNow);
        loops.shutdownGracefully(0, 2, TimeUnit.SECONDS).awaitUninterruptibly(5, TimeUnit.SECONDS);
    }

    private static final class Listener extends ClientCall.Listener<Answer> {
        private final StreamEvents events;
        private final String address;

        Listener(StreamEvents events, String address) {
            this.events = events;
            this.address = address;
        }

        @Override
        public void onMessage(Answer answer) {
            answer.to(events);
        }

        @Override
        public void onClose(Status status, Metadata trailers) {
            events.closed(status.getCode().name(), address + ": " + TeacherDialer.explain(status.asRuntimeException()));
        }
    }

    private record Stream(ClientCall<byte[], Answer> call) implements RowStream {
        @Override
        public void ask(long id, byte[] body) {
            call.sendMessage(Marshalling.sequence(id, body));
        }

        @Override
        public void read(int messages) {
            call.request(messages);
        }

        @Override
        public void finish() {
            call.halfClose();
        }

        @Override
        public void drop() {
            call.cancel("dropped by the student", null);
        }
    }
}
