package dev.lyne.wire.access;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class AccessTokensTest {
    private static final String ALICES = "alices-token-0123456789";
    private static final String OTHER = "another/token+of.16~==";

    @TempDir
    Path directory;

    private Path file(String text) throws IOException {
        return Files.writeString(directory.resolve("tokens"), text);
    }

    @Test
    void tokens_ofTheFile_areTheirNamesOrTheirLines() throws IOException {
        AccessTokens tokens = AccessTokens.read(file("# students\n\nalice  " + ALICES + "\n " + OTHER + "\r\n"));

        assertThat(tokens.tokens()).extracting(AccessToken::holder).containsExactly("alice", "line 4");
        assertThat(tokens.tokens()).extracting(AccessToken::text).containsExactly(ALICES, OTHER);
        assertThat(tokens.tokens().get(0).digest()).isEqualTo(AccessToken.digest(ALICES));
    }

    @Test
    void random_token_isOneThatAFileTakes() throws IOException {
        AccessToken made = AccessToken.random("alice", new SecureRandom());

        assertThat(made.text()).hasSize(43);
        assertThat(AccessTokens.readOne(file(made.text() + "\n")).digest()).isEqualTo(made.digest());
        assertThat(made).hasToString("token of alice");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "alice secret|:1: a token of 6 characters (expected: 16..4096)",
                "alice the secret-0123456789|:1: 3 words (expected: TOKEN or NAME TOKEN)",
                "secret-0123456789-ä|:1: a token with other characters (expected: letters, digits and -._~+/, then =)",
                "# nobody|: no token (expected: TOKEN or NAME TOKEN a line)",
            })
    void read_lineThatIsNoToken_isNamedButNotShown(String line, String message) throws IOException {
        Path file = file(line + "\n");

        assertThatThrownBy(() -> AccessTokens.read(file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(file + message)
                .hasMessageNotContaining("secret");
    }

    @Test
    void read_oneTokenTwice_isRefused() throws IOException {
        Path file = file("alice " + ALICES + "\nbob " + ALICES + "\n");

        assertThatThrownBy(() -> AccessTokens.read(file))
                .hasMessage(file + ":2: the token of line 1 (expected: another)");
    }

    @Test
    void readOne_several_isRefused() throws IOException {
        Path file = file(ALICES + "\n" + OTHER + "\n");

        assertThatThrownBy(() -> AccessTokens.readOne(file)).hasMessage(file + ": 2 tokens (expected: one)");
        assertThat(AccessTokens.readOne(file("# mine\n" + ALICES)).headerValue())
                .isEqualTo("Bearer " + ALICES);
    }

    @Test
    void toString_ofTokens_showsNoToken() throws IOException {
        Path file = file("alice " + ALICES + "\n");

        assertThat(AccessTokens.read(file)).hasToString(file + " (alice)");
        assertThat(AccessTokens.readOne(file)).hasToString("token of alice");
    }

    @Test
    void refresh_fileReplacedByABadOneAndThenAGoodOne_keepsTheOldUntilTheGoodOne() throws IOException {
        Path file = file(ALICES);
        WatchedFiles<AccessToken> watched = WatchedFiles.open(List.of(file), () -> AccessTokens.readOne(file));
        String first = watched.current().headerValue();
        assertThat(watched.refresh()).isFalse();

        file("short");
        assertThatThrownBy(watched::refresh).isInstanceOf(IllegalArgumentException.class);
        assertThat(watched.refresh()).as("said once").isFalse();
        assertThat(watched.current().headerValue()).isEqualTo(first);

        Files.delete(file);
        assertThatThrownBy(watched::refresh).isInstanceOf(NoSuchFileException.class);
        assertThat(watched.current().headerValue()).isEqualTo(first);

        file(OTHER);
        assertThat(watched.refresh()).isTrue();
        assertThat(watched.current().headerValue()).isEqualTo("Bearer " + OTHER);
    }

    @ParameterizedTest
    @CsvSource({
        "localhost,true",
        "LOCALHOST,true",
        "127.0.0.1,true",
        "127.8.9.1,true",
        "::1,true",
        "0.0.0.0,false",
        "::,false",
        "10.0.0.1,false",
        "teacher,false",
        "localhost.example,false",
        "127.0.0.1.example,false",
        "fe80::1,false"
    })
    void loopback_isThisMachineForCertain(String host, boolean loopback) {
        assertThat(Loopback.is(host)).isEqualTo(loopback);
    }
}
