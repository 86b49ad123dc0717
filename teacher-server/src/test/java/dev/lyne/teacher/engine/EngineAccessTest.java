package dev.lyne.teacher.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.lyne.row.RowColumns;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** Engines behind real TLS, and engines that want a key. */
final class EngineAccessTest {
    private static final String KEY = "a-key-of-the-first-week";
    private static final String NEXT_KEY = "a-key-of-the-second-week";

    @TempDir
    private Path directory;

    private final List<AutoCloseable> open = new ArrayList<>();
    private final ListAppender<ILoggingEvent> logged = new ListAppender<>();

    @BeforeEach
    void listen() {
        logged.start();
        ((Logger) LoggerFactory.getLogger("dev.lyne")).addAppender(logged);
    }

    @AfterEach
    void stop() throws Exception {
        ((Logger) LoggerFactory.getLogger("dev.lyne")).detachAppender(logged);
        for (AutoCloseable each : open) {
            each.close();
        }
        assertThat(logged.list)
                .noneSatisfy(event -> assertThat(event.getFormattedMessage()).containsAnyOf(KEY, NEXT_KEY));
    }

    private static CertificateBuilder builder(String subject) {
        Instant now = Instant.now();
        return new CertificateBuilder()
                .subject(subject)
                .ecp256()
                .notBefore(now.minus(Duration.ofDays(1)))
                .notAfter(now.plus(Duration.ofDays(1)));
    }

    private X509Bundle authority(String name) throws Exception {
        X509Bundle made =
                builder("CN=authority").setIsCertificateAuthority(true).buildSelfSigned();
        Files.writeString(directory.resolve(name), made.getCertificatePEM());
        return made;
    }

    private FakeEngine engine(X509Bundle certificate) throws Exception {
        KeyManagerFactory keys = certificate.toKeyManagerFactory();
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), new TrustManager[0], null);
        return kept(new FakeEngine(Optional.of(context)));
    }

    private FakeEngine kept(FakeEngine engine) {
        open.add(engine);
        return engine;
    }

    private EngineTeacher teacher(InetSocketAddress address, EngineSettings.Access access) throws Exception {
        EngineTeacher teacher = EngineTeacher.open(settings(address, access), 1);
        open.add(0, () -> teacher.close(TimeUnit.SECONDS.toNanos(5)));
        await().until(teacher::serving);
        return teacher;
    }

    private static EngineSettings settings(InetSocketAddress address, EngineSettings.Access access) {
        return new EngineSettings(
                EngineSettings.Wire.VLLM,
                List.of(address),
                access,
                "far",
                Optional.empty(),
                Path.of("../examples/state-of-the-union/teacher"),
                new EngineSettings.Arithmetic("float32", false),
                Optional.empty(),
                new EngineSettings.Probing(Duration.ofSeconds(1), 0.02),
                new EngineSettings.Limits(8, Duration.ofSeconds(5), Duration.ofSeconds(30)));
    }

    private EngineSettings.Access believing(String authority) {
        return new EngineSettings.Access(true, Optional.of(directory.resolve(authority)), Optional.empty());
    }

    private Path keyFile(String key) throws IOException {
        Path file = directory.resolve("key");
        Files.move(
                Files.writeString(directory.resolve("key.new"), key + "\n"), file, StandardCopyOption.REPLACE_EXISTING);
        return file;
    }

    private static RowColumns rows(EngineTeacher teacher) throws Exception {
        RecordingJob job = RecordingJob.topK(4, 1, 2, 3);
        assertThat(teacher.score(job)).isTrue();
        return job.rows();
    }

    @Test
    void rows_overTls_areThoseInPlainText() throws Exception {
        X509Bundle certificate =
                builder("CN=engine").addSanIpAddress("127.0.0.1").buildIssuedBy(authority("ca.pem"));
        RowColumns encrypted = rows(teacher(engine(certificate).address(), believing("ca.pem")));
        RowColumns plain = rows(teacher(kept(new FakeEngine()).address(), EngineSettings.Access.PLAIN));
        assertThat(encrypted.ids()).isEqualTo(plain.ids());
        assertThat(encrypted.logProbabilities()).isEqualTo(plain.logProbabilities());
    }

    @Test
    void engine_ofAnotherAuthority_isRefusedAtOnce() throws Exception {
        authority("other.pem");
        FakeEngine engine =
                engine(builder("CN=engine").addSanIpAddress("127.0.0.1").buildIssuedBy(authority("ca.pem")));
        assertThatThrownBy(() -> teacher(engine.address(), believing("other.pem")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("its certificate is not to be believed");
        assertThat(engine.asked).hasValue(0);
    }

    @Test
    void engine_ofAnotherName_isRefusedAtOnce() throws Exception {
        FakeEngine engine =
                engine(builder("CN=engine").addSanDnsName("engine.example").buildIssuedBy(authority("ca.pem")));
        assertThatThrownBy(() -> teacher(engine.address(), believing("ca.pem")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("its certificate is not to be believed");
    }

    @Test
    void engine_inPlainText_isRefusedWhereTlsIsMeant() throws Exception {
        authority("ca.pem");
        try (ServerSocket plain = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
            Thread answering = new Thread(() -> {
                try (Socket asked = plain.accept()) {
                    asked.getOutputStream()
                            .write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
                                    .getBytes(StandardCharsets.US_ASCII));
                    asked.getInputStream().readAllBytes();
                } catch (IOException e) {
                    // the other end hung up, as it should
                }
            });
            answering.start();
            InetSocketAddress address = InetSocketAddress.createUnresolved("127.0.0.1", plain.getLocalPort());
            assertThatThrownBy(() -> teacher(address, believing("ca.pem")))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("speaks plain text (expected: TLS");
            answering.join();
        }
    }

    @Test
    void key_thatChanges_isReadAgainAndNothingIsLost() throws Exception {
        FakeEngine engine = kept(new FakeEngine());
        engine.authorization = "Bearer " + KEY;
        EngineTeacher teacher = teacher(
                engine.address(), new EngineSettings.Access(false, Optional.empty(), Optional.of(keyFile(KEY))));
        assertThat(rows(teacher).rows()).isEqualTo(2);

        engine.authorization = "Bearer " + NEXT_KEY;
        RecordingJob waits = RecordingJob.topK(4, 7, 8, 9);
        assertThat(teacher.score(waits)).isTrue();
        await().until(() -> !teacher.serving());
        keyFile(NEXT_KEY);
        await().until(teacher::serving);
        assertThat(waits.rows().rows()).isEqualTo(2);
        assertThat(rows(teacher).rows()).isEqualTo(2);
    }

    @Test
    void key_thatTheEngineDoesNotKnow_isRefusedAtOnceAndNotRepeated() throws Exception {
        FakeEngine engine = kept(new FakeEngine());
        engine.authorization = "Bearer " + NEXT_KEY;
        assertThatThrownBy(() -> teacher(
                        engine.address(),
                        new EngineSettings.Access(false, Optional.empty(), Optional.of(keyFile(KEY)))))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("answers 401: {\"error\":\"Unauthorized: Bearer …\"}")
                .hasMessageContaining("--engine-token-file")
                .hasMessageNotContaining(KEY);
    }

    @Test
    void settings_thatWouldSendAKeyInPlainText_areRefused() throws Exception {
        EngineSettings.Access key = new EngineSettings.Access(false, Optional.empty(), Optional.of(keyFile(KEY)));
        assertThatThrownBy(() -> settings(InetSocketAddress.createUnresolved("engine.example", 8000), key))
                .hasMessageContaining("http://engine.example:8000 (expected: https://, or an engine on this machine");
        assertThat(settings(InetSocketAddress.createUnresolved("localhost", 8000), key)
                        .access())
                .isEqualTo(key);
        assertThatThrownBy(() -> new EngineSettings.Access(false, Optional.of(directory), Optional.empty()))
                .hasMessageContaining("--engine-tls-ca");
        Files.writeString(directory.resolve("none.pem"), "nothing");
        assertThatThrownBy(() -> EngineAccess.open(believing("none.pem")))
                .hasMessageContaining("--engine-tls-ca: ")
                .hasMessageContaining("(expected: certificates in PEM)");
    }

    @Test
    void parse_https_isOneSchemeForAllAddresses() {
        EngineSettings.Engines engines = EngineSettings.parse("vllm:https://a:8000,b:8001,https://[::1]:8002");
        assertThat(engines.tls()).isTrue();
        assertThat(engines.addresses())
                .extracting(InetSocketAddress::getHostString)
                .containsExactly("a", "b", "[::1]");
        assertThat(EngineSettings.parse("sglang:http://a:1").tls()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"vllm:https://a:1,http://b:1", "vllm:http://a:1,https://b:1", "vllm:ftp://a:1", "vllm:https://a"
            })
    void parse_otherSchemes_areRefused(String teacher) {
        assertThatThrownBy(() -> EngineSettings.parse(teacher)).hasMessageContaining("--teacher: " + teacher);
    }
}
