package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Settings that are refused before anybody is asked. */
final class TeacherSecurityTest {
    private static final String TOKEN = "students-token-0123456789";

    @TempDir
    Path directory;

    private static TeacherSecurity security(boolean tls, Optional<Path> ca, Optional<String> name, boolean insecure) {
        return TeacherSecurity.of(tls, ca, name, Optional.empty(), insecure);
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.0.0.1:7", "teacher.example:7", "localhost:7,teacher:7", "dns:///teachers:7", "[::]:7"})
    void connect_anotherHostInPlainText_isRefusedUnlessAskedFor(String addresses) {
        ClientOptions options = ClientOptions.defaults();
        assertThatThrownBy(() -> TeacherClient.connect(addresses, options))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(
                        "is another host, in plain text (expected: --tls-ca FILE or --tls, or --insecure");
        TeacherClient.requireUsable(addresses, TeacherSecurity.INSECURE);
    }

    @Test
    void connect_anotherHostInPlainTextWithAToken_isRefused() throws IOException {
        Path token = Files.writeString(directory.resolve("token"), TOKEN);
        ClientOptions options = ClientOptions.builder()
                .security(TeacherSecurity.LOOPBACK.withTokenFile(token))
                .build();
        assertThatThrownBy(() -> TeacherClient.connect("teacher:7", options))
                .hasMessageContaining("teacher:7 is another host, in plain text")
                .hasMessageNotContaining(TOKEN);
        assertThat(options.toString()).doesNotContain(TOKEN);
        assertThat(TeacherDialer.open(options.security()).toString()).doesNotContain(TOKEN);
        TeacherClient.requireUsable("localhost:7", options.security());
    }

    @Test
    void of_whatContradicts_isRefused() {
        Optional<Path> ca = Optional.of(Path.of("ca.pem"));
        assertThatThrownBy(() -> security(false, ca, Optional.empty(), true))
                .hasMessageContaining("insecure: with TLS (expected: one of them");
        assertThatThrownBy(() -> security(false, Optional.empty(), Optional.of("teacher"), false))
                .hasMessage("tls-server-name: teacher (expected: only with tls-ca or tls)");
        assertThat(security(true, Optional.empty(), Optional.of("teacher"), false)
                        .tls())
                .contains(new TeacherSecurity.Tls(Optional.empty(), Optional.of("teacher")));
    }

    @Test
    void open_filesThatDoNotHoldWhatTheyShould_areRefusedNamingThem() throws IOException {
        Path none = directory.resolve("none");
        Path text = Files.writeString(directory.resolve("text"), "certificate");
        assertThatThrownBy(() -> TeacherDialer.open(TeacherSecurity.trusting(none)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("tls-ca: " + none + ": no such file");
        assertThatThrownBy(() -> TeacherDialer.open(TeacherSecurity.trusting(text)))
                .hasMessage("tls-ca: " + text + " (expected: certificates in PEM)");
        assertThatThrownBy(() -> TeacherDialer.open(TeacherSecurity.LOOPBACK.withTokenFile(none)))
                .hasMessage("token-file: " + none + ": no such file");
        assertThatThrownBy(() -> TeacherDialer.open(TeacherSecurity.LOOPBACK.withTokenFile(text)))
                .hasMessage(text + ":1: a token of 11 characters (expected: 16..4096)");
    }

    @Test
    void channel_severalAddresses_isRefused() {
        TeacherDialer dialer = TeacherDialer.open(TeacherSecurity.LOOPBACK);
        assertThatThrownBy(() -> dialer.channel("localhost:1,localhost:2"))
                .hasMessage("teacher address: 'localhost:1,localhost:2' (expected: one)");
    }
}
