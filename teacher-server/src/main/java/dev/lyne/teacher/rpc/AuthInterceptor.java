package dev.lyne.teacher.rpc;

import dev.lyne.teacher.access.Authenticator;
import dev.lyne.teacher.access.Identity;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.v1.TeacherServiceGrpc;
import dev.lyne.wire.access.AccessTokens;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ForwardingServerCallListener;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthGrpc;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets calls in whose caller is known, which goes with them in their context, and ends those whose caller is not any
 * more; health, which probes ask for, is open. Streams of rows and sessions are ended by {@link TeacherRpc}, which
 * knows what they are owed.
 */
public final class AuthInterceptor implements ServerInterceptor {
    private static final Logger LOG = LoggerFactory.getLogger(AuthInterceptor.class);
    private static final Set<String> ENDED_ELSEWHERE = Set.of(
            TeacherServiceGrpc.getScoreSequencesMethod().getFullMethodName(),
            TeacherServiceGrpc.getDecodeMethod().getFullMethodName());
    private static final long NANOS_BETWEEN_WARNINGS = TimeUnit.SECONDS.toNanos(10);

    private final Authenticator authenticator;
    private final RpcMetrics metrics;
    private final LongSupplier nanoClock;
    private final AtomicLong nextWarningNanos;
    private final Set<KnownCall<?, ?>> open = ConcurrentHashMap.newKeySet();

    public AuthInterceptor(Authenticator authenticator, RpcMetrics metrics, LongSupplier nanoClock) {
        this.authenticator = authenticator;
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
        Identity identity =
                authenticator.identify(Optional.ofNullable(headers.get(AccessTokens.HEADER)), certificate(call));
        if (identity instanceof Identity.Refused refused) {
            return refuse(call, refused.failure());
        }
        Caller caller = ((Identity.Known) identity).caller();
        LOG.debug("{} calls {}", caller, call.getMethodDescriptor().getFullMethodName());
        Context context = caller.within(Context.current());
        if (ENDED_ELSEWHERE.contains(call.getMethodDescriptor().getFullMethodName())) {
            return Contexts.interceptCall(context, call, headers, next);
        }
        KnownCall<Q, A> known = new KnownCall<>(call, caller);
        open.add(known);
        return new ForwardingServerCallListener.SimpleForwardingServerCallListener<>(
                Contexts.interceptCall(context, known, headers, next)) {
            @Override
            public void onComplete() {
                open.remove(known);
                super.onComplete();
            }

            @Override
            public void onCancel() {
                open.remove(known);
                super.onCancel();
            }
        };
    }

    /** Ends the open calls of those who are not known any more. To be called again and again. */
    public void endStrangers() {
        for (KnownCall<?, ?> call : open) {
            if (authenticator.again(call.caller()) instanceof Identity.Refused refused && call.end(refused.failure())) {
                metrics.refused(refused.failure());
            }
        }
    }

    private static Optional<X509Certificate> certificate(ServerCall<?, ?> call) {
        SSLSession session = call.getAttributes().get(Grpc.TRANSPORT_ATTR_SSL_SESSION);
        if (session == null) {
            return Optional.empty();
        }
        try {
            Certificate[] chain = session.getPeerCertificates();
            return chain.length > 0 && chain[0] instanceof X509Certificate own ? Optional.of(own) : Optional.empty();
        } catch (SSLPeerUnverifiedException e) {
            return Optional.empty(); // it showed none
        }
    }

    private <Q, A> ServerCall.Listener<Q> refuse(ServerCall<Q, A> call, Failure failure) {
        metrics.refused(failure);
        long now = nanoClock.getAsLong();
        long next = nextWarningNanos.get();
        if (now - next >= 0 && nextWarningNanos.compareAndSet(next, now + NANOS_BETWEEN_WARNINGS)) {
            LOG.warn(
                    "refused a call of {} from {}: {}",
                    call.getMethodDescriptor().getFullMethodName(),
                    call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR),
                    failure.message());
        }
        StatusRuntimeException refusal = Statuses.toException(failure);
        call.close(refusal.getStatus(), Objects.requireNonNullElseGet(refusal.getTrailers(), Metadata::new));
        return new ServerCall.Listener<>() {};
    }
}
