package dev.lyne.teacher.access;

import dev.lyne.wire.access.WatchedFiles;
import io.grpc.InsecureServerCredentials;
import io.grpc.ServerCredentials;
import io.grpc.TlsServerCredentials;
import io.grpc.util.AdvancedTlsX509KeyManager;
import io.grpc.util.AdvancedTlsX509TrustManager;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import javax.net.ssl.KeyManager;
import javax.net.ssl.TrustManager;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A server's certificate and what it knows callers by, read when it starts and again whenever their files change: connections and calls that begin
 * after that meet the new ones. What cannot be used is logged, and what was read before stays.
 */
public final class OpenedSecurity implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(OpenedSecurity.class);
    private static final Duration BETWEEN_LOOKS = Duration.ofSeconds(1);

    /**
     * Certificate, authorities and tokens: a look at one that hangs, as on a file system that is away, holds up no
     * other.
     */
    private static final int MOST_WATCHED = 3;

    private final Optional<Tls> tls;
    private final Authenticator authenticator;
    private final ScheduledExecutorService watch;

    private OpenedSecurity(ServerSecurity security, MeterRegistry registry) {
        this.watch = Executors.newScheduledThreadPool(MOST_WATCHED, runnable -> {
            Thread thread = new Thread(runnable, "lyne-access");
            thread.setDaemon(true);
            return thread;
        });
        this.tls = security.certificate().map(files -> tls(files, security, registry));
        this.authenticator = new Authenticator(
                security.tokenFile().map(this::watchedRules),
                security.clientAuthorities().isPresent(),
                InstantSource.system());
    }

    /**
     * Reads the files.
     *
     * @throws IllegalArgumentException where one is missing or does not hold what it should
     */
    public static OpenedSecurity open(ServerSecurity security, MeterRegistry registry) {
        security.requireReadable();
        return new OpenedSecurity(security, registry);
    }

    /** Transport security of the listener. */
    public ServerCredentials credentials() {
        return tls.<ServerCredentials>map(OpenedSecurity::credentials).orElseGet(InsecureServerCredentials::create);
    }

    private static ServerCredentials credentials(Tls tls) {
        TlsServerCredentials.Builder builder = TlsServerCredentials.newBuilder().keyManager(tls.keys());
        tls.trust()
                .ifPresent(trust -> builder.trustManager(trust)
                        .clientAuth(
                                tls.certificateRequired()
                                        ? TlsServerCredentials.ClientAuth.REQUIRE
                                        : TlsServerCredentials.ClientAuth.OPTIONAL));
        return builder.build();
    }

    /**
     * Transport security, for every listener alike.
     *
     * @param keys the server's key and certificate, as they are at each handshake
     * @param trust what vouches for clients' certificates; empty: none is asked for
     * @param certificateRequired whether a client has to show one
     */
    public record Tls(KeyManager keys, Optional<TrustManager> trust, boolean certificateRequired) {}

    /** Transport security; empty: plain text. */
    public Optional<Tls> tls() {
        return tls;
    }

    /** Returns the authenticator of callers, by the tokens and certificates that are known now. */
    public Authenticator authenticator() {
        return authenticator;
    }

    @Override
    public void close() {
        watch.shutdownNow();
    }

    private Tls tls(ServerSecurity.CertificateFiles files, ServerSecurity security, MeterRegistry registry) {
        AdvancedTlsX509KeyManager keys = new AdvancedTlsX509KeyManager();
        WatchedFiles<ServerIdentity> identity = watch(
                List.of(files.certificates(), files.key()),
                () -> ServerIdentity.read(files),
                read -> keys.updateIdentityCredentials(read.chain(), read.key()));
        Gauge.builder(
                        "lyne.teacher.certificate.expiry.timestamp.seconds",
                        identity,
                        watched -> watched.current().expiry().getEpochSecond())
                .description("When the server's certificate ceases to be valid, in seconds since 1970")
                .register(registry);
        return new Tls(
                keys,
                security.clientAuthorities().map(this::watchedTrust),
                security.tokenFile().isEmpty());
    }

    private TrustManager watchedTrust(Path file) {
        AdvancedTlsX509TrustManager trust;
        try {
            trust = AdvancedTlsX509TrustManager.newBuilder()
                    .setVerification(AdvancedTlsX509TrustManager.Verification.CERTIFICATE_ONLY_VERIFICATION)
                    .build();
        } catch (CertificateException e) {
            throw new IllegalStateException("no trust manager, which every JDK has", e);
        }
        var unused = watch(List.of(file), () -> ServerIdentity.authorities(file), read -> {
            try {
                trust.updateTrustCredentials(read);
            } catch (IOException | GeneralSecurityException e) {
                throw new IllegalArgumentException(file + " (expected: certificates in PEM)", e);
            }
        });
        return trust;
    }

    private Supplier<AccessRules> watchedRules(Path file) {
        return watch(List.of(file), () -> AccessRules.read(file), read -> {
            if (!read.hashed()) {
                LOG.warn(
                        "{} holds tokens as they are (expected: their hashes, as ./lyne token new writes them): whoever"
                                + " reads it can ask in their holders' names",
                        file);
            }
            if (read.closed()) {
                LOG.warn(
                        "{} holds no token and no certificate: nobody is let in (expected: one or more, as ./lyne token"
                                + " new writes them)",
                        file);
            }
        })::current;
    }

    private interface Use<T> {
        void of(T read);
    }

    private <T> WatchedFiles<T> watch(List<Path> files, WatchedFiles.Reader<T> reader, Use<T> use) {
        WatchedFiles<T> watched;
        try {
            watched = WatchedFiles.open(files, reader);
        } catch (IOException e) {
            throw new IllegalArgumentException(files + ": cannot be read: " + e.getMessage(), e);
        }
        use.of(watched.current());
        var unused = watch.scheduleWithFixedDelay(
                () -> look(files, watched, use),
                BETWEEN_LOOKS.toMillis(),
                BETWEEN_LOOKS.toMillis(),
                TimeUnit.MILLISECONDS);
        return watched;
    }

    private static <T> void look(List<Path> files, WatchedFiles<T> watched, Use<T> use) {
        try {
            if (watched.refresh()) {
                use.of(watched.current());
                LOG.info("{} changed and were read again", files);
            }
        } catch (IOException | RuntimeException e) {
            LOG.warn("{} changed and cannot be used: {}; what was read before stays", files, reason(e));
        }
    }

    /** Returns in words why a file cannot be used. */
    static String reason(Exception e) {
        if (e instanceof NoSuchFileException gone) {
            return gone.getFile() + ": no such file";
        } else if (e instanceof AccessDeniedException denied) {
            return denied.getFile() + ": permission denied";
        }
        return e.getMessage() == null ? "unreadable" : e.getMessage();
    }
}
