package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.teacher.access.ServerSecurity;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import dev.lyne.teacher.synthetic.SyntheticSettings;
import dev.lyne.teacher.synthetic.SyntheticTeacher;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Commands that dial a teacher which wants TLS and a token. */
final class SecuredCommandsTest {
    private static final String TOKEN = "students-token-0123456789";

    private static final String SCORE = "score text --tokenizer ../examples/state-of-the-union/teacher";

    @TempDir
    Path directory;

    private TeacherServer server;
    private String certificate;
    private String token;

    private record Outcome(int code, String err) {}

    @BeforeEach
    void start() throws Exception {
        X509Bundle issued = new CertificateBuilder()
                .subject("CN=teacher")
                .ecp256()
                .addSanDnsName("localhost")
                .setIsCertificateAuthority(true)
                .buildSelfSigned();
        Path pem = Files.writeString(directory.resolve("server.pem"), issued.getCertificatePEM());
        Path key = Files.writeString(directory.resolve("server.key"), issued.getPrivateKeyPEM());
        Path tokens = Files.writeString(directory.resolve("tokens"), "alice " + TOKEN + "\n");
        certificate = pem.toString();
        token = Files.writeString(directory.resolve("token"), TOKEN).toString();
        server = TeacherServer.start(
                List.of(new SyntheticTeacher("synthetic", SyntheticSettings.parse("synthetic:vocabulary=4096"), false)),
                TeacherServerOptions.builder()
                        .security(new ServerSecurity(
                                Optional.of(new ServerSecurity.CertificateFiles(pem, key)), Optional.of(tokens), false))
                        .build());
    }

    @AfterEach
    void stop() throws InterruptedException {
        server.close();
    }

    private Outcome run(String command, String... further) {
        return runOn("localhost:" + server.port(), command, further);
    }

    private static Outcome runOn(String teacher, String command, String... further) {
        List<String> arguments = new ArrayList<>(List.of(command.split(" ")));
        arguments.addAll(List.of("--teacher", teacher));
        arguments.addAll(List.of(further));
        StringWriter err = new StringWriter();
        int code = Lyne.commandLine().setErr(new PrintWriter(err, true)).execute(arguments.toArray(String[]::new));
        assertThat(err.toString()).doesNotContain(TOKEN);
        return new Outcome(code, err.toString());
    }

    @Test
    void load_withCertificateAndToken_isAnswered() {
        Path json = directory.resolve("load.json");
        Outcome outcome = run(
                "load --students 1 --tokens 16 --warm-up 0.2 --duration 4 --json " + json,
                "--tls-ca",
                certificate,
                "--token-file",
                token);
        assertThat(outcome.code()).as(outcome.err()).isZero();
        assertThat(json).content().contains("positions_per_second").doesNotContain(TOKEN);
    }

    @Test
    void load_withoutToken_failsSayingWhatToDo() {
        Outcome outcome = run("load --students 1 --duration 1", "--tls-ca", certificate);
        assertThat(outcome.code()).isEqualTo(1);
        assertThat(outcome.err()).contains("UNAUTHENTICATED").contains("--token-file FILE");
    }

    @Test
    void health_needsTheCertificateAndNoToken() {
        assertThat(run("health", "--tls-ca", certificate).code()).isZero();
        Outcome plain = run("health");
        assertThat(plain.code()).isEqualTo(1);
        assertThat(plain.err()).contains("does the server speak TLS?");
        Outcome system = run("health", "--tls");
        assertThat(system.code()).isEqualTo(1);
        assertThat(system.err()).contains("the server's certificate is not to be believed");
    }

    @Test
    void score_refusesATeacherWithAnotherTokenizerOnceItIsLetIn() {
        Outcome outcome = run(SCORE, "--tls-ca", certificate, "--token-file", token);
        assertThat(outcome.code()).isEqualTo(1);
        assertThat(outcome.err()).contains("tokenizer digest");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                SCORE,
                "health",
                "load",
                "train --out DIR/run --student DIR --corpus DIR --alpha 0.5",
                "capture --out DIR/run --tokenizer DIR --corpus DIR",
            })
    void everyCommandThatDials_refusesAnotherHostInPlainText(String command) {
        Outcome outcome = runOn("10.0.0.1:1", command.replace("DIR", directory.toString()));
        assertThat(outcome.err())
                .startsWith(
                        "lyne: teacher address: 10.0.0.1:1 is another host, in plain text (expected: --tls-ca FILE");
        assertThat(outcome.code()).isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--tls-ca CERT --insecure|insecure: with TLS (expected: one of them",
                "--tls-server-name teacher|tls-server-name: teacher (expected: only with tls-ca or tls)",
                "--token-file CERT|CERT:",
                "--tls-ca CERT.none|tls-ca: CERT.none: no such file",
            })
    void whatCannotBe_isWrongUsage(String options, String message) {
        Outcome outcome = run(SCORE, options.replace("CERT", certificate).split(" "));
        assertThat(outcome.err()).startsWith("lyne: " + message.replace("CERT", certificate));
        assertThat(outcome.code()).isEqualTo(2);
    }
}
