package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.wire.access.AccessTokens;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class TokenCommandTest {
    @TempDir
    Path directory;

    private record Outcome(int code, String out, String err) {}

    private Outcome run(String... further) {
        List<String> arguments = new ArrayList<>(List.of("token", "new"));
        arguments.addAll(List.of(further));
        arguments.addAll(List.of("--token-file", directory.resolve("tokens").toString()));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        StringWriter err = new StringWriter();
        PrintStream before = System.out;
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        try {
            int code = Lyne.commandLine().setErr(new PrintWriter(err, true)).execute(arguments.toArray(String[]::new));
            return new Outcome(code, out.toString(StandardCharsets.UTF_8), err.toString());
        } finally {
            System.setOut(before);
        }
    }

    @Test
    void new_twice_addsHashesAndPrintsTheTokensAlone() throws Exception {
        Outcome first = run("alice", "--expires", "2099-01-31", "--teachers", "demo,big");
        Outcome second = run("bob", "--expires", "never", "--priority", "interactive");

        assertThat(first.code()).isZero();
        Path mine = Files.writeString(directory.resolve("mine"), first.out());
        String hash = HexFormat.of().formatHex(AccessTokens.readOne(mine).digest());
        String file = Files.readString(directory.resolve("tokens"));
        assertThat(file.lines()).hasSize(3).first().isEqualTo("lyne-access 1");
        assertThat(file)
                .contains("token alice sha256:" + hash
                        + " expires=2099-01-31T00:00:00Z teachers=demo,big class=training\n")
                .contains("token bob sha256:")
                .endsWith(" class=interactive\n")
                .doesNotContain(first.out().strip())
                .doesNotContain(second.out().strip());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "al/ice|--expires|never|tenant: al/ice (expected: letters, digits and ._-, at most 63 of them)",
                "alice|--expires|soon|expires: soon (expected: a day such as 2027-01-31, or 2027-01-31T12:00:00Z)",
                "alice|--priority|urgent|Missing required option: '--expires=DATE'",
            })
    void new_ofWhatIsNone_isRefusedAndWritesNothing(String tenant, String option, String value, String message) {
        Outcome outcome = run(tenant, option, value);

        assertThat(outcome.code()).isEqualTo(2);
        assertThat(outcome.err()).contains(message);
        assertThat(directory.resolve("tokens")).doesNotExist();
    }
}
