package dev.lyne.client;

import dev.lyne.wire.access.AccessToken;
import dev.lyne.wire.access.AccessTokens;
import dev.lyne.wire.access.Loopback;
import dev.lyne.wire.access.WatchedFiles;
import io.grpc.ChannelCredentials;
import io.grpc.CompositeChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.util.AdvancedTlsX509KeyManager;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.util.List;

/** Makes channels to teacher servers, as {@link TeacherSecurity} says. Safe for several threads. */
public final class TeacherDialer {
    private final TeacherSecurity security;
    private final ChannelCredentials credentials;

    private TeacherDialer(TeacherSecurity security, ChannelCredentials credentials) {
        this.security = security;
        this.credentials = credentials;
    }

    /**
     * Reads the files.
     *
     * @throws IllegalArgumentException where one is missing or does not hold what it should
     */
    public static TeacherDialer open(TeacherSecurity security) {
        ChannelCredentials transport =
                security.tls().map(TeacherDialer::transport).orElseGet(InsecureChannelCredentials::create);
        return new TeacherDialer(
                security,
                security.tokenFile()
                        .map(file -> CompositeChannelCredentials.create(transport, new TokenCredentials(token(file))))
                        .orElse(transport));
    }

    /**
     * Refuses addresses that this security does not allow, without asking anybody.
     *
     * @throws IllegalArgumentException naming the address
     */
    static void requireAllowed(TeacherAddresses addresses, TeacherSecurity security) {
        if (security.tls().isPresent() || security.insecure()) {
            return;
        }
        for (TeacherAddresses.Entry entry : addresses.entries()) {
            if (!Loopback.is(entry.host())) {
                throw new IllegalArgumentException("teacher address: " + entry.host() + ":" + entry.port()
                        + " is another host, in plain text (expected: --tls-ca FILE or --tls, or --insecure where the"
                        + " network is trusted)");
            }
        }
    }

    /** A channel in the making, to {@code HOST:PORT} or the first address of {@code dns:///NAME:PORT}. */
    public NettyChannelBuilder channel(String address) {
        TeacherAddresses parsed = TeacherAddresses.parse(address);
        if (parsed.entries().size() != 1) {
            throw new IllegalArgumentException("teacher address: '" + address + "' (expected: one)");
        }
        requireAllowed(parsed, security);
        NettyChannelBuilder builder = NettyChannelBuilder.forTarget(address, credentials);
        security.tls().flatMap(TeacherSecurity.Tls::serverName).ifPresent(builder::overrideAuthority);
        return builder;
    }

    /**
     * A channel in the making.
     *
     * @param address where the replica is
     * @param name name that it was found by, which its certificate must have where no other is expected
     */
    NettyChannelBuilder channel(InetSocketAddress address, String name) {
        NettyChannelBuilder builder =
                NettyChannelBuilder.forAddress(address.getHostString(), address.getPort(), credentials);
        security.tls()
                .ifPresent(tls -> builder.overrideAuthority(tls.serverName().orElse(name)));
        return builder;
    }

    /** One line for people that says why a call failed. */
    public static String explain(StatusRuntimeException failed) {
        return CallFailure.of(failed).description();
    }

    private static ChannelCredentials transport(TeacherSecurity.Tls tls) {
        TlsChannelCredentials.Builder credentials = TlsChannelCredentials.newBuilder();
        tls.own().ifPresent(own -> show(own, credentials));
        if (tls.authorities().isEmpty()) {
            return credentials.build();
        }
        Path file = tls.authorities().get();
        try {
            try (InputStream pem = Files.newInputStream(file)) {
                if (CertificateFactory.getInstance("X.509")
                        .generateCertificates(pem)
                        .isEmpty()) {
                    throw new CertificateException("none");
                }
            }
            return credentials.trustManager(file.toFile()).build();
        } catch (CertificateException e) {
            throw new IllegalArgumentException("tls-ca: " + file + " (expected: certificates in PEM)", e);
        } catch (IOException e) {
            throw unreadable("tls-ca", file, e);
        }
    }

    /** Shows a certificate as it is now. */
    private static void show(TeacherSecurity.ClientCertificate own, TlsChannelCredentials.Builder credentials) {
        AdvancedTlsX509KeyManager keys = new AdvancedTlsX509KeyManager();
        try {
            keys.updateIdentityCredentials(
                    own.certificates().toFile(), own.key().toFile());
        } catch (IOException e) {
            throw unreadable("tls-client-cert", own.certificates(), e);
        } catch (GeneralSecurityException | RuntimeException e) {
            // Without its cause, which may show what stands in the key's file.
            throw new IllegalArgumentException("tls-client-cert: " + own.certificates() + ", tls-client-key: "
                    + own.key() + " (expected: certificates, and a private key in PKCS#8, in PEM)");
        }
        credentials.keyManager(keys);
    }

    private static WatchedFiles<AccessToken> token(Path file) {
        try {
            return WatchedFiles.open(List.of(file), () -> AccessTokens.readOne(file));
        } catch (IOException e) {
            throw unreadable("token-file", file, e);
        }
    }

    private static IllegalArgumentException unreadable(String option, Path file, IOException e) {
        String why = e instanceof NoSuchFileException ? "no such file" : "cannot be read";
        return new IllegalArgumentException(option + ": " + file + ": " + why, e);
    }

    /** Returns in words who is trusted and whether a token is carried; never the token. */
    @Override
    public String toString() {
        return security.toString();
    }
}
