package dev.lyne.teacher.server;

import static dev.lyne.teacher.server.TestCertificates.tls;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.client.TeacherSecurity;
import dev.lyne.teacher.access.ServerSecurity;
import dev.lyne.teacher.model.FakeTeacher;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Optional;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The HTTP door over TLS, by the server's own certificates. */
final class EncryptedDoorTest {
    private static final char[] PASSWORD = "none".toCharArray();

    @TempDir
    Path directory;

    private TestCertificates certificates;

    @BeforeEach
    void makeAuthority() throws Exception {
        certificates = new TestCertificates(directory);
    }

    private static ServerFixture serve(ServerSecurity security) throws Exception {
        return new ServerFixture(
                new FakeTeacher("fake", 1_000, 64),
                options -> options.security(security).http(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)));
    }

    /** Asks for rows, and returns the status. */
    private static int ask(ServerFixture fixture, Path authority, Optional<TeacherSecurity.ClientCertificate> own)
            throws Exception {
        HttpClient client =
                HttpClient.newBuilder().sslContext(context(authority, own)).build();
        HttpResponse<String> response = client.send(
                HttpRequest.newBuilder(URI.create(
                                "https://127.0.0.1:" + fixture.server.httpPort().orElseThrow() + "/v1/completions"))
                        .POST(HttpRequest.BodyPublishers.ofString(
                                "{\"prompt\": [1, 2, 3], \"max_tokens\": 0, \"prompt_logprobs\": 2}"))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        return response.statusCode();
    }

    private static SSLContext context(Path authority, Optional<TeacherSecurity.ClientCertificate> own)
            throws IOException, GeneralSecurityException {
        KeyStore trusted = empty();
        trusted.setCertificateEntry("authority", certificate(authority));
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        KeyStore keys = empty();
        if (own.isPresent()) {
            keys.setKeyEntry(
                    "own",
                    KeyFactory.getInstance("EC")
                            .generatePrivate(new PKCS8EncodedKeySpec(Base64.getMimeDecoder()
                                    .decode(Files.readString(own.get().key()).replaceAll("-----[A-Z ]+-----", "")))),
                    PASSWORD,
                    new Certificate[] {certificate(own.get().certificates())});
        }
        KeyManagerFactory shown = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        shown.init(keys, PASSWORD);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(shown.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }

    private static KeyStore empty() throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, PASSWORD);
        return store;
    }

    private static Certificate certificate(Path file) throws IOException, GeneralSecurityException {
        try (InputStream pem = Files.newInputStream(file)) {
            return CertificateFactory.getInstance("X.509").generateCertificate(pem);
        }
    }

    @Test
    void request_byACertificateOfATrustedAuthority_isAnswered() throws Exception {
        try (ServerFixture fixture = serve(tls(certificates.issueForLoopback()))) {
            assertThat(ask(fixture, certificates.authority(), Optional.empty())).isEqualTo(200);
        }
    }

    @Test
    void request_whereAnotherAuthorityIsTrusted_isNotMade() throws Exception {
        Path other = new TestCertificates(Files.createDirectory(directory.resolve("elsewhere"))).authority();
        try (ServerFixture fixture = serve(tls(certificates.issueForLoopback()))) {
            assertThatThrownBy(() -> ask(fixture, other, Optional.empty())).isInstanceOf(SSLHandshakeException.class);
            assertThat(fixture.teacher.sequencesScored()).isZero();
        }
    }

    /** As on gRPC: where no tokens are known, each caller shows a certificate. */
    @Test
    void request_withoutTheCertificateThatIsAskedFor_isNotAnswered() throws Exception {
        ServerSecurity mutual = new ServerSecurity(
                Optional.of(certificates.issueForLoopback()),
                Optional.empty(),
                Optional.of(certificates.authority()),
                false);
        try (ServerFixture fixture = serve(mutual)) {
            assertThatThrownBy(() -> ask(fixture, certificates.authority(), Optional.empty()))
                    .isInstanceOf(IOException.class);
            Path elsewhere = Files.createDirectory(directory.resolve("elsewhere"));
            TeacherSecurity.ClientCertificate stranger = new TestCertificates(elsewhere).issueClient("CN=team-a", true);
            assertThatThrownBy(() -> ask(fixture, certificates.authority(), Optional.of(stranger)))
                    .isInstanceOf(IOException.class);
            assertThat(fixture.teacher.sequencesScored()).isZero();
            assertThat(ask(fixture, certificates.authority(), Optional.of(certificates.issueClient("CN=team-a", true))))
                    .isEqualTo(200);
        }
    }
}
