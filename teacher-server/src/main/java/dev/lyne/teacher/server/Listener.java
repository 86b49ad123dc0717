package dev.lyne.teacher.server;

import dev.lyne.teacher.access.OpenedSecurity;
import dev.lyne.teacher.admission.RequestSize;
import dev.lyne.teacher.rpc.RpcMetrics;
import dev.lyne.teacher.rpc.TeacherRpc;
import dev.lyne.teacher.rpc.TokenGate;
import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/** Makes what listens: transport security, tokens, limits of a connection, and the services. */
final class Listener {
    private static final int MAX_HEADER_BYTES = 1 << 14;
    private static final int FLOW_CONTROL_BYTES = 1 << 20;

    private Listener() {}

    /** @param contextLength tokens of the longest sequence that a request can carry */
    static Server of(
            TeacherServerOptions options,
            int contextLength,
            OpenedSecurity security,
            RpcMetrics metrics,
            Executor calls,
            TeacherRpc rpc,
            BindableService health) {
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
                .addService(health);
        if (options.reflection()) {
            builder.addService(ProtoReflectionServiceV1.newInstance());
        }
        security.tokens().ifPresent(tokens -> builder.intercept(new TokenGate(tokens, metrics, System::nanoTime)));
        return builder.build();
    }
}
