package dev.lyne.teacher.http;

import dev.lyne.teacher.access.Authenticator;
import dev.lyne.teacher.admission.Admission;
import dev.lyne.teacher.admission.ServedMetrics;
import dev.lyne.teacher.trace.CallTraces;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.handler.codec.http.HttpContentCompressor;
import io.netty.handler.codec.http.HttpContentDecompressor;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpServerKeepAliveHandler;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.stream.ChunkedWriteHandler;
import io.netty.handler.timeout.IdleStateHandler;
import io.netty.handler.timeout.WriteTimeoutHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** Listens for the requests that trainers send to vLLM, and answers them from the server's own rows. */
public final class HttpDoor {
    static final int MAX_REQUEST_BYTES = 32 << 20;
    private static final int MAX_HEADER_BYTES = 1 << 14;
    private static final int MOST_IDLE_SECONDS = 60;

    /** How long a reader may leave bytes unread. */
    private static final int MOST_UNREAD_SECONDS = 60;

    private static final long MOST_MILLIS_OF_A_REQUEST = TimeUnit.MINUTES.toMillis(2);

    /** Threads that read requests, tokenise texts and ask for rows. */
    private static final int WORKERS = Math.max(2, Runtime.getRuntime().availableProcessors());

    private final Channel listening;
    private final ExecutorService workers;
    private final ChannelGroup connections;
    private final Answering answering;

    /**
     * Parts that stand behind the door.
     *
     * @param teachers those that are served
     * @param admission what decides what is let in, as on gRPC
     * @param budget room for rows
     * @param bodies room for requests
     * @param workers what takes longer than an event loop may be held
     * @param answering requests that are being answered
     * @param terms what the server around it said
     * @param startedSeconds since 1970
     */
    record Served(
            HttpTeachers teachers,
            Admission admission,
            RowBudget budget,
            BodyBudget bodies,
            Executor workers,
            Answering answering,
            Terms terms,
            long startedSeconds) {
        /** Tokens of the longest prompt that any teacher takes. */
        int longestPrompt() {
            return teachers.served().stream()
                    .mapToInt(teacher -> teacher.description().contextLength())
                    .max()
                    .orElse(0);
        }
    }

    /**
     * How it listens.
     *
     * @param loops connections run on
     * @param sockets makes the listening socket, and counts its connections
     * @param tls transport security; absent: plain text
     */
    public record Listening(
            InetSocketAddress address,
            EventLoopGroup loops,
            ChannelFactory<? extends ServerChannel> sockets,
            Optional<SslContext> tls) {}

    /**
     * Terms of the server around it.
     *
     * @param authenticator who callers are, as on gRPC
     * @param serving whether the server is well
     * @param version of the server
     * @param maxRowBytes room for the rows of requests that are computed or being written
     * @param maxBodyBytes room for requests as they arrive and are read
     * @param metrics what is sent and refused, as on gRPC
     * @param traces where spans of requests come from; none where nobody traces
     */
    public record Terms(
            Authenticator authenticator,
            BooleanSupplier serving,
            String version,
            long maxRowBytes,
            long maxBodyBytes,
            ServedMetrics metrics,
            Optional<CallTraces> traces) {}

    private HttpDoor(Channel listening, ExecutorService workers, ChannelGroup connections, Answering answering) {
        this.workers = workers;
        this.answering = answering;
        this.listening = listening;
        this.connections = connections;
    }

    /**
     * Opens it.
     *
     * @throws IOException where the address cannot be listened on
     */
    public static HttpDoor open(
            Listening how, HttpTeachers teachers, Admission admission, Terms terms, MeterRegistry registry)
            throws IOException {
        RowBudget budget = new RowBudget(terms.maxRowBytes());
        Gauge.builder("lyne.teacher.http.row.bytes", budget, RowBudget::heldBytes)
                .description("Room taken for rows of HTTP requests that are computed or being written")
                .register(registry);
        BodyBudget bodies = new BodyBudget(terms.maxBodyBytes());
        Gauge.builder("lyne.teacher.http.body.bytes", bodies, BodyBudget::heldBytes)
                .description("Room taken for HTTP requests as they arrive and are read")
                .register(registry);
        ExecutorService workers = Executors.newFixedThreadPool(
                WORKERS, new DefaultThreadFactory("lyne-http", true)); // a task a connection
        Served served = new Served(
                teachers,
                admission,
                budget,
                bodies,
                workers,
                new Answering(),
                terms,
                System.currentTimeMillis() / 1000);
        ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE, true); // late ones, too
        ChannelFuture bound = new ServerBootstrap()
                .group(how.loops())
                .channelFactory(how.sockets())
                .option(ChannelOption.SO_BACKLOG, 256)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childOption(ChannelOption.SO_KEEPALIVE, true)
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel connection) {
                        connections.add(connection);
                        how.tls().ifPresent(tls -> connection.pipeline().addLast(tls.newHandler(connection.alloc())));
                        connection
                                .pipeline()
                                .addLast(
                                        new IdleStateHandler(MOST_IDLE_SECONDS, 0, 0),
                                        new WriteTimeoutHandler(MOST_UNREAD_SECONDS),
                                        new HttpServerCodec(4096, MAX_HEADER_BYTES, 8192),
                                        new HttpServerKeepAliveHandler(),
                                        new StrangersBodies(terms.authenticator()),
                                        new HttpContentDecompressor(MAX_REQUEST_BYTES),
                                        new HttpContentCompressor(),
                                        new BodyRoom(served.bodies(), MOST_MILLIS_OF_A_REQUEST),
                                        new HttpObjectAggregator(Integer.MAX_VALUE), // of what there was room for
                                        new ChunkedWriteHandler(),
                                        new DoorHandler(served));
                    }
                })
                .bind(how.address())
                .awaitUninterruptibly();
        if (!bound.isSuccess()) {
            workers.shutdown();
            throw new IOException(
                    "--http: " + how.address() + ": " + bound.cause().getMessage(), bound.cause());
        }
        return new HttpDoor(bound.channel(), workers, connections, served.answering());
    }

    /** Returns the port that the door listens on. */
    public int port() {
        return ((InetSocketAddress) listening.localAddress()).getPort();
    }

    /** Ends the requests whose callers are not known any more, or may not do any more what they asked for. */
    public void endStrangers() {
        for (Channel connection : connections) {
            ChannelHandlerContext context = connection.pipeline().context(DoorHandler.class);
            if (context != null) {
                context.executor().execute(() -> ((DoorHandler) context.handler()).endStranger(context));
            }
        }
    }

    /** Takes no more connections, and refuses what is asked from now on over those that there are. */
    public void stopListening() {
        answering.endAfterThese();
        listening.close().awaitUninterruptibly(1, TimeUnit.SECONDS);
    }

    /** Waits for the answers to what was asked before it {@linkplain #stopListening stopped}; false where some are not out by then. */
    public boolean awaitAnswered(long waitNanos) throws InterruptedException {
        return answering.awaitNone(waitNanos);
    }

    /** Takes no more connections, and cuts what is left. */
    public void close() {
        listening.close().awaitUninterruptibly(1, TimeUnit.SECONDS);
        connections.close().awaitUninterruptibly(1, TimeUnit.SECONDS);
        workers.shutdown();
    }
}
