package dev.lyne.teacher.rpc;

import dev.lyne.teacher.model.Failure;
import dev.lyne.wire.access.AccessTokens;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthGrpc;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Lets calls in that carry a token of the server's; health, which probes ask for, is open. */
public final class TokenAuthInterceptor implements ServerInterceptor {
    private static final Logger LOG = LoggerFactory.getLogger(TokenAuthInterceptor.class);
    private static final long NANOS_BETWEEN_WARNINGS = TimeUnit.SECONDS.toNanos(10);
    private static final String EXPECTED = " (expected: authorization: Bearer TOKEN, as --token-file FILE sends it)";

    private final Supplier<AccessTokens> tokens;
    private final RpcMetrics metrics;
    private final LongSupplier nanoClock;
    private final AtomicLong nextWarningNanos;

    public TokenAuthInterceptor(Supplier<AccessTokens> tokens, RpcMetrics metrics, LongSupplier nanoClock) {
        this.tokens = tokens;
        this.metrics = metrics;
        this.nanoClock = nanoClock;
        this.nextWarningNanos = new AtomicLong(nanoClock.getAsLong());
    }

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        String service = Objects.toString(call.getMethodDescriptor().getServiceName(), "");
        if (service.equals(HealthGrpc.SERVICE_NAME)) {
            return next.startCall(call, headers);
        }
        String header = headers.get(AccessTokens.HEADER);
        Optional<String> holder =
                header == null ? Optional.empty() : tokens.get().holderOf(header);
        if (holder.isEmpty()) {
            return refuse(call, header == null ? "no token" : "a token that this server does not know");
        }
        LOG.debug("{} calls {}", holder.get(), call.getMethodDescriptor().getFullMethodName());
        return next.startCall(call, headers);
    }

    private <Q, A> ServerCall.Listener<Q> refuse(ServerCall<Q, A> call, String why) {
        Failure failure = new Failure(Failure.Reason.UNAUTHENTICATED, why + EXPECTED);
        metrics.refused(failure);
        long now = nanoClock.getAsLong();
        long next = nextWarningNanos.get();
        if (now - next >= 0 && nextWarningNanos.compareAndSet(next, now + NANOS_BETWEEN_WARNINGS)) {
            LOG.warn(
                    "refused a call of {} from {}: {}",
                    call.getMethodDescriptor().getFullMethodName(),
                    call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR),
                    why);
        }
        StatusRuntimeException refusal = Statuses.toException(failure);
        call.close(refusal.getStatus(), Objects.requireNonNullElseGet(refusal.getTrailers(), Metadata::new));
        return new ServerCall.Listener<>() {};
    }
}
