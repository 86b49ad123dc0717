package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.client.TeacherSecurity;
import dev.lyne.teacher.access.ServerSecurity;
import dev.lyne.teacher.model.FakeTeacher;
import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The HTTP door over TLS, from a client of the JDK's: who is let in by which certificate. */
final class HttpOverTlsTest {
    @TempDir
    Path directory;

    private TestCertificates certificates;

    @BeforeEach
    void makeAuthority() throws Exception {
        certificates = new TestCertificates(directory);
    }

    private ServerFixture serve(boolean clientsShowTheirs) throws Exception {
        ServerSecurity security = new ServerSecurity(
                Optional.of(certificates.issueForLoopback()),
                Optional.empty(),
                clientsShowTheirs ? Optional.of(certificates.authority()) : Optional.empty(),
                false);
        return new ServerFixture(
                new FakeTeacher("fake", 1_000, 64),
                options -> options.security(security).http(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)));
    }

    private static SSLContext trusting(Path authority, Optional<TeacherSecurity.ClientCertificate> own)
            throws Exception {
        SslContextBuilder builder =
                SslContextBuilder.forClient().sslProvider(SslProvider.JDK).trustManager(authority.toFile());
        own.ifPresent(shown ->
                builder.keyManager(shown.certificates().toFile(), shown.key().toFile()));
        return ((JdkSslContext) builder.build()).context();
    }

    private static HttpResponse<String> ask(ServerFixture fixture, SSLContext tls) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(
                        "https://127.0.0.1:" + fixture.server.httpPort().orElseThrow() + "/v1/completions"))
                .POST(
                        HttpRequest.BodyPublishers.ofString(
                                "{\"prompt\": [1, 2, 3], \"max_tokens\": 0, \"prompt_logprobs\": 2, \"format\": \"lyne.block\"}"))
                .build();
        return HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .sslContext(tls)
                .build()
                .send(request, HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void ask_serverOfTheTrustedAuthority_isAnsweredAndOfAnotherIsRefused() throws Exception {
        TestCertificates elsewhere = new TestCertificates(Files.createDirectory(directory.resolve("elsewhere")));
        try (ServerFixture fixture = serve(false)) {
            HttpResponse<String> answer = ask(fixture, trusting(certificates.authority(), Optional.empty()));
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
            assertThatThrownBy(() -> ask(fixture, trusting(elsewhere.authority(), Optional.empty())))
                    .isInstanceOf(IOException.class);
            assertThat(fixture.teacher.batches()).hasSize(1);
        }
    }

    @Test
    void ask_withAClientsCertificate_isAnsweredWhereItIsValidAndOfTheAuthority() throws Exception {
        TestCertificates elsewhere = new TestCertificates(Files.createDirectory(directory.resolve("elsewhere")));
        try (ServerFixture fixture = serve(true)) {
            for (Optional<TeacherSecurity.ClientCertificate> shown : List.of(
                    Optional.<TeacherSecurity.ClientCertificate>empty(),
                    Optional.of(certificates.issueClient("CN=team-a", false)),
                    Optional.of(elsewhere.issueClient("CN=team-a", true)))) {
                SSLContext tls = trusting(certificates.authority(), shown);
                assertThatThrownBy(() -> ask(fixture, tls)).isInstanceOf(IOException.class);
            }
            assertThat(fixture.teacher.batches()).isEmpty();
            HttpResponse<String> answer = ask(
                    fixture,
                    trusting(certificates.authority(), Optional.of(certificates.issueClient("CN=team-a", true))));
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
            assertThat(fixture.server
                            .registry()
                            .get("lyne.teacher.tenant.positions")
                            .tag("tenant", "team-a")
                            .counter()
                            .count())
                    .isPositive();
        }
    }
}
