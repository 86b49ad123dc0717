package dev.lyne.teacher.server;

import static dev.lyne.teacher.server.TestCertificates.tls;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherRefusedException;
import dev.lyne.client.TeacherSecurity;
import dev.lyne.teacher.access.ServerSecurity;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.v1.GetTeacherRequest;
import dev.lyne.v1.TeacherServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.TlsServerCredentials;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.NettyServerBuilder;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** TLS between a real server and a real client, with certificates that do and do not hold. */
final class EncryptedServerTest {
    @TempDir
    Path directory;

    private TestCertificates certificates;

    @BeforeEach
    void makeAuthority() throws Exception {
        certificates = new TestCertificates(directory);
    }

    private static ServerFixture serve(ServerSecurity security) throws Exception {
        return new ServerFixture(new FakeTeacher("fake", 1_000, 64), options -> options.security(security));
    }

    private static String describe(int port, TeacherSecurity security) {
        return describe(port, security, Duration.ofSeconds(30));
    }

    private static String describe(int port, TeacherSecurity security, Duration openTimeout) {
        ClientOptions options = ClientOptions.builder()
                .security(security)
                .openTimeout(openTimeout)
                .retryFor(openTimeout)
                .build();
        try (TeacherClient client = TeacherClient.connect("127.0.0.1:" + port, options)) {
            return client.describe().name();
        }
    }

    private static TeacherSecurity trusting(Path authority, String serverName) {
        return new TeacherSecurity(
                Optional.of(new TeacherSecurity.Tls(Optional.of(authority), Optional.of(serverName))),
                Optional.empty(),
                false);
    }

    @Test
    void connect_certificateOfATrustedAuthorityForTheAddress_isAnswered() throws Exception {
        try (ServerFixture fixture = serve(tls(certificates.issueForLoopback()))) {
            assertThat(describe(fixture.server.port(), TeacherSecurity.trusting(certificates.authority())))
                    .isEqualTo("fake");
            double expiry = fixture.gauge("lyne.teacher.certificate.expiry.timestamp.seconds");
            assertThat(expiry - System.currentTimeMillis() / 1e3).isBetween(4 * 86_400.0, 5 * 86_400.0);
        }
    }

    @Test
    void connect_anotherAuthority_isRefusedSayingSo() throws Exception {
        Path elsewhere = Files.createDirectory(directory.resolve("elsewhere"));
        Path other = new TestCertificates(elsewhere).authority();
        try (ServerFixture fixture = serve(tls(certificates.issueForLoopback()))) {
            int port = fixture.server.port();
            assertThatThrownBy(() -> describe(port, TeacherSecurity.trusting(other)))
                    .isInstanceOf(TeacherRefusedException.class)
                    .hasMessageContaining("127.0.0.1:" + port
                            + ": UNAVAILABLE: TLS: the server's certificate is not to be believed: ");
        }
    }

    @Test
    void connect_certificateOfAnotherHost_isRefusedUnlessThatNameIsExpected() throws Exception {
        try (ServerFixture fixture = serve(tls(certificates.issue("teacher.example")))) {
            int port = fixture.server.port();
            assertThatThrownBy(() -> describe(port, TeacherSecurity.trusting(certificates.authority())))
                    .isInstanceOf(TeacherRefusedException.class)
                    .hasMessageContaining("not to be believed: No subject alternative names");
            assertThat(describe(port, trusting(certificates.authority(), "teacher.example")))
                    .isEqualTo("fake");
            assertThatThrownBy(() -> describe(port, trusting(certificates.authority(), "other.example")))
                    .hasMessageContaining("not to be believed: No subject alternative DNS name matching other.example");
        }
    }

    @Test
    void connect_expiredCertificate_isRefusedSayingSo() throws Exception {
        ServerSecurity.CertificateFiles expired = certificates.issueExpired();
        Server server = NettyServerBuilder.forAddress(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        TlsServerCredentials.create(
                                expired.certificates().toFile(), expired.key().toFile()))
                .build()
                .start();
        try {
            assertThatThrownBy(() -> describe(server.getPort(), TeacherSecurity.trusting(certificates.authority())))
                    .isInstanceOf(TeacherRefusedException.class)
                    .hasMessageContaining("not to be believed: NotAfter");
        } finally {
            server.shutdownNow();
        }
    }

    @Test
    void connect_plainTextOnOneSide_isRefusedSayingWhich() throws Exception {
        try (ServerFixture encrypted = serve(tls(certificates.issueForLoopback()));
                ServerFixture plain = serve(ServerSecurity.LOOPBACK)) {
            assertThatThrownBy(() -> describe(encrypted.server.port(), TeacherSecurity.LOOPBACK, Duration.ofSeconds(4)))
                    .hasMessageContaining("does the server speak TLS?");
            assertThatThrownBy(() -> describe(plain.server.port(), TeacherSecurity.trusting(certificates.authority())))
                    .hasMessageContaining("TLS: the server speaks plain text there");
        }
    }

    @Test
    void certificate_replacedWhileServing_isShownToTheNextConnection() throws Exception {
        try (ServerFixture fixture = serve(tls(certificates.issue("old.example")))) {
            int port = fixture.server.port();
            assertThat(describe(port, trusting(certificates.authority(), "old.example")))
                    .isEqualTo("fake");
            certificates.issue("new.example");
            await().ignoreExceptions()
                    .until(() -> describe(port, trusting(certificates.authority(), "new.example")), "fake"::equals);
        }
    }

    @Test
    void certificate_replacedByOneThatCannotBe_leavesTheOneBefore() throws Exception {
        try (CapturedLog log = new CapturedLog();
                ServerFixture fixture = serve(tls(certificates.issueForLoopback()))) {
            certificates.issueExpired();
            await().until(() -> log.lines().stream()
                    .anyMatch(line -> line.contains("expired at") && line.endsWith("what was read before stays")));
            assertThat(describe(fixture.server.port(), TeacherSecurity.trusting(certificates.authority())))
                    .isEqualTo("fake");
        }
    }

    @Test
    void healthAlone_besideAnEncryptedService_isInPlainText() throws Exception {
        ServerSecurity security = tls(certificates.issueForLoopback());
        try (ServerFixture fixture = new ServerFixture(
                new FakeTeacher("fake", 1_000, 64),
                options -> options.security(security)
                        .health(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)))) {
            ManagedChannel channel = fixture.channel(fixture.server.healthPort().orElseThrow());
            assertThat(HealthGrpc.newBlockingStub(channel)
                            .check(HealthCheckRequest.getDefaultInstance())
                            .getStatus())
                    .isEqualTo(ServingStatus.SERVING);
            assertThatThrownBy(() -> TeacherServiceGrpc.newBlockingStub(channel)
                            .getTeacher(GetTeacherRequest.getDefaultInstance()))
                    .hasMessageContaining("UNIMPLEMENTED");
        }
    }

    @Test
    void start_filesThatAreNoCertificateAndItsKey_isRefusedNamingWhich() throws Exception {
        ServerSecurity.CertificateFiles good = certificates.issueForLoopback();
        Path other = Files.createDirectory(directory.resolve("other"));
        ServerSecurity.CertificateFiles unrelated = new TestCertificates(other).issueForLoopback();

        assertRefused(good.certificates(), unrelated.key(), unrelated.key() + ": another key (expected: that of the");
        assertRefused(good.key(), good.key(), good.key() + " (expected: certificates in PEM");
        assertRefused(good.certificates(), good.certificates(), "(expected: a private key in PEM and PKCS#8");
        assertRefused(good.certificates(), directory.resolve("none"), directory.resolve("none") + ": no such file");
        ServerSecurity.CertificateFiles expired = certificates.issueExpired();
        assertRefused(expired.certificates(), expired.key(), expired.certificates() + ": expired at ");
    }

    private static void assertRefused(Path certificates, Path key, String message) {
        ServerSecurity security = tls(new ServerSecurity.CertificateFiles(certificates, key));
        assertThatThrownBy(() -> serve(security))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void options_plainTextFromOtherHosts_isRefusedUnlessAskedFor() {
        InetSocketAddress everywhere = new InetSocketAddress("0.0.0.0", 0);
        assertThatThrownBy(
                        () -> TeacherServerOptions.builder().listen(everywhere).build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("0.0.0.0:0 takes plain text from other hosts (expected: --tls-cert FILE");
        ServerSecurity asked = new ServerSecurity(Optional.empty(), Optional.empty(), true);
        assertThat(TeacherServerOptions.builder()
                        .listen(everywhere)
                        .security(asked)
                        .build()
                        .listen())
                .isEqualTo(everywhere);
    }
}
