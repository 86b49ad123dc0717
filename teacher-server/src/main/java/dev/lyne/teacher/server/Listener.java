package dev.lyne.teacher.server;

import dev.lyne.teacher.access.OpenedSecurity;
import dev.lyne.teacher.admission.RequestSize;
import dev.lyne.teacher.rpc.RpcMetrics;
import dev.lyne.teacher.rpc.TeacherRpc;
import dev.lyne.teacher.rpc.TokenGate;
import io.grpc.BindableService;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import java.io.IOException;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/** What listens: the services with their transport security, tokens and limits of a connection, and health alone for probes. */
final class Listener {
    private static final int MAX_HEADER_BYTES = 1 << 14;
    private static final int FLOW_CONTROL_BYTES = 1 << 20;
    private static final int LAST_BYTES_SECONDS = 5;

    private final Server services;
    private final Optional<Server> health;

    /** @param contextLength tokens of the longest sequence that a request can carry */
    Listener(
            TeacherServerOptions options,
            int contextLength,
            OpenedSecurity security,
            RpcMetrics metrics,
            Executor calls,
            TeacherRpc rpc,
            BindableService healthService) {
        NettyServerBuilder builder = NettyServerBuilder.forAddress(options.listen(), security.credentials())
                .executor(calls)
                .maxInboundMessageSize(RequestSize.maxBytes(contextLength))
                .maxInboundMetadataSize(MAX_HEADER_BYTES)
                .flowControlWindow(FLOW_CONTROL_BYTES)
                .keepAliveTime(60, TimeUnit.SECONDS)
                .keepAliveTimeout(20, TimeUnit.SECONDS)
                .permitKeepAliveTime(10, TimeUnit.SECONDS)
                .permitKeepAliveWithoutCalls(true)
                .addService(rpc)
                .addService(healthService);
        if (options.reflection()) {
            builder.addService(ProtoReflectionServiceV1.newInstance());
        }
        security.tokens().ifPresent(tokens -> builder.intercept(new TokenGate(tokens, metrics, System::nanoTime)));
        this.services = builder.build();
        this.health = options.health()
                .map(address -> NettyServerBuilder.forAddress(address, InsecureServerCredentials.create())
                        .executor(calls)
                        .addService(healthService)
                        .build());
    }

    /** @throws IOException where an address cannot be listened on; {@link #close} is then still owed */
    void start() throws IOException {
        services.start();
        if (health.isPresent()) {
            health.get().start();
        }
    }

    int port() {
        return services.getPort();
    }

    OptionalInt healthPort() {
        return health.map(server -> OptionalInt.of(server.getPort())).orElse(OptionalInt.empty());
    }

    /** Lets the last bytes of streams that have ended leave, then cuts what is left. Health ends last. */
    void close() throws InterruptedException {
        close(services);
        if (health.isPresent()) {
            close(health.get());
        }
    }

    private static void close(Server server) throws InterruptedException {
        server.shutdown();
        if (!server.awaitTermination(LAST_BYTES_SECONDS, TimeUnit.SECONDS)) {
            server.shutdownNow();
            server.awaitTermination();
        }
    }
}
