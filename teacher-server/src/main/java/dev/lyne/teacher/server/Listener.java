package dev.lyne.teacher.server;

import dev.lyne.teacher.access.OpenedSecurity;
import dev.lyne.teacher.admission.RequestSize;
import dev.lyne.teacher.admission.ServerLimits;
import dev.lyne.teacher.http.HttpDoor;
import dev.lyne.teacher.rpc.AuthInterceptor;
import dev.lyne.teacher.rpc.GuardedCalls;
import dev.lyne.teacher.rpc.RpcMetrics;
import dev.lyne.teacher.rpc.TeacherRpc;
import dev.lyne.teacher.trace.CallTraces;
import io.grpc.BindableService;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.handler.ssl.SslContext;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/**
 * Ports that the server listens on: the services with their transport security, tokens and limits of a connection, and
 * health alone for probes.
 */
final class Listener {
    private static final int MAX_PROBES = 64;
    private static final int FLOW_CONTROL_BYTES = 1 << 20;
    private static final long LEAST_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private final EventLoopGroup loops;
    private final Server services;
    private final Optional<Server> health;
    private final DirectMemoryWatch memory;
    private final AuthInterceptor callers;

    /**
     * Services that are listened for.
     *
     * @param rpc teachers and their rows
     * @param health of the server and of each teacher
     * @param calls runs what they are called for
     */
    record Services(TeacherRpc rpc, BindableService health, Executor calls) {}

    /** @param contextLength tokens of the longest sequence that a request can carry */
    Listener(
            TeacherServerOptions options,
            int contextLength,
            OpenedSecurity security,
            RpcMetrics metrics,
            Services called,
            DirectMemoryWatch memory) {
        this.memory = memory;
        this.loops = new MultiThreadIoEventLoopGroup(
                0, new DefaultThreadFactory("lyne-network", true), NioIoHandler.newFactory());
        int maxRequestBytes = RequestSize.maxBytes(contextLength);
        GuardedCalls guard = new GuardedCalls(metrics, maxRequestBytes);
        NettyServerBuilder builder = NettyServerBuilder.forAddress(options.listen(), security.credentials())
                .bossEventLoopGroup(loops)
                .workerEventLoopGroup(loops)
                .channelFactory(new CountedConnections(options.limits().maxConnections(), memory))
                .maxConcurrentCallsPerConnection(options.limits().maxStreamsPerConnection())
                .executor(called.calls())
                .maxInboundMessageSize(
                        2 * maxRequestBytes) // what is larger than one is refused by name, beyond this by a reset
                .maxInboundMetadataSize(ServerLimits.MAX_METADATA_BYTES)
                .flowControlWindow(FLOW_CONTROL_BYTES)
                .keepAliveTime(60, TimeUnit.SECONDS)
                .keepAliveTimeout(20, TimeUnit.SECONDS)
                .permitKeepAliveTime(10, TimeUnit.SECONDS)
                .permitKeepAliveWithoutCalls(true)
                .addService(guard.around(called.rpc().bindService()))
                .addService(guard.around(called.health().bindService()));
        if (options.reflection()) {
            builder.addService(
                    guard.around(ProtoReflectionServiceV1.newInstance().bindService()));
        }
        this.callers = new AuthInterceptor(security.authenticator(), metrics, System::nanoTime);
        builder.intercept(callers);
        CallTraces.of(options.telemetry())
                .ifPresent(builder::intercept); // outermost, so that refused calls have a span, too
        this.services = builder.build();
        this.health = options.health()
                .map(address -> NettyServerBuilder.forAddress(address, InsecureServerCredentials.create())
                        .bossEventLoopGroup(loops)
                        .workerEventLoopGroup(loops)
                        .channelFactory(new CountedConnections(MAX_PROBES, memory))
                        .executor(called.calls())
                        .addService(guard.around(called.health().bindService()))
                        .build());
    }

    /** Returns how another address is listened on, with this one's event loops and bounds. */
    HttpDoor.Listening listening(InetSocketAddress address, int maxConnections, Optional<SslContext> tls) {
        return new HttpDoor.Listening(address, loops, new CountedConnections(maxConnections, memory), tls);
    }

    /** @throws IOException where an address cannot be listened on; {@link #close} is then still owed */
    void start() throws IOException {
        services.start();
        if (health.isPresent()) {
            health.get().start();
        }
    }

    /** Ends the open calls of those who are not known any more, but for streams of rows and sessions. */
    void endStrangers() {
        callers.endStrangers();
    }

    int port() {
        return services.getPort();
    }

    OptionalInt healthPort() {
        return health.map(server -> OptionalInt.of(server.getPort())).orElse(OptionalInt.empty());
    }

    /**
     * Lets the last bytes of streams that have ended leave, then cuts what is left. Health ends last.
     *
     * @param endNanos when bytes that nobody reads are no longer waited for
     */
    void close(long endNanos) throws InterruptedException {
        close(services, endNanos);
        if (health.isPresent()) {
            close(health.get(), endNanos);
        }
        var unused = loops.shutdownGracefully(0, LEAST_NANOS, TimeUnit.NANOSECONDS);
    }

    private static void close(Server server, long endNanos) throws InterruptedException {
        server.shutdown();
        if (!server.awaitTermination(endNanos - System.nanoTime(), TimeUnit.NANOSECONDS)) {
            server.shutdownNow();
            boolean unusedAtOnce = server.awaitTermination(LEAST_NANOS, TimeUnit.NANOSECONDS);
        }
    }
}
