package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.teacher.access.ServerSecurity;
import dev.lyne.teacher.access.TokenFile;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import dev.lyne.teacher.synthetic.SyntheticSettings;
import dev.lyne.teacher.synthetic.SyntheticTeacher;
import dev.lyne.wire.access.AccessToken;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** How urgent the work of commands is that ask a teacher: what they say, at most what their token opens. */
final class PriorityOfCommandsTest {
    /** Commands that take a teacher's address or a token, and ask for no rows. */
    private static final Set<String> WITHOUT_ROWS = Set.of("serve", "health", "token");

    @TempDir
    Path directory;

    private TeacherServer server;
    private Path token;

    private record Outcome(int code, String err) {}

    @BeforeEach
    void start() throws Exception {
        Path tokens = directory.resolve("tokens");
        AccessToken bearer = AccessToken.random("team", new SecureRandom());
        TokenFile.add(tokens, TokenFile.Grant.of("team", "never", List.of(), "training"), bearer);
        token = Files.writeString(directory.resolve("token"), bearer.text());
        server = TeacherServer.start(
                List.of(new SyntheticTeacher("synthetic", SyntheticSettings.parse("synthetic:vocabulary=4096"), false)),
                TeacherServerOptions.builder()
                        .security(new ServerSecurity(Optional.empty(), Optional.of(tokens), false))
                        .build());
    }

    @AfterEach
    void stop() throws InterruptedException {
        server.close();
    }

    private Outcome run(String command) {
        List<String> arguments = new ArrayList<>(
                List.of(command.replace("DIR", directory.toString()).split(" ")));
        arguments.addAll(List.of("--teacher", "127.0.0.1:" + server.port(), "--token-file", token.toString()));
        StringWriter err = new StringWriter();
        int code = Lyne.commandLine().setErr(new PrintWriter(err, true)).execute(arguments.toArray(String[]::new));
        return new Outcome(code, err.toString());
    }

    @Test
    void everyCommandThatAsksForRows_hasThatOption() {
        Set<String> asking = new TreeSet<>();
        for (Map.Entry<String, CommandLine> command :
                Lyne.commandLine().getSubcommands().entrySet()) {
            var options = command.getValue().getCommandSpec().optionsMap();
            if (options.containsKey("--token-file") && !WITHOUT_ROWS.contains(command.getKey())) {
                asking.add(command.getKey());
                assertThat(options).as(command.getKey()).containsKey("--priority");
            }
        }
        assertThat(asking).contains("train", "capture", "evaluate", "score", "generate", "load");
    }

    @Test
    void load_ofAClassThatTheTokenDoesNotOpen_isRefused() {
        Outcome outcome = run("load --students 1 --tokens 16 --duration 1 --priority interactive");
        assertThat(outcome.code()).isEqualTo(1);
        assertThat(outcome.err()).contains("PERMISSION_DENIED").contains("interactive");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " --priority training", " --priority capture"})
    void load_ofAClassThatTheTokenOpens_isAnswered(String priority) {
        Outcome outcome = run("load --students 1 --tokens 16 --warm-up 0.2 --duration 2" + priority);
        assertThat(outcome.code()).as(outcome.err()).isZero();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "load --students 1 --duration 1",
                "score text --tokenizer ../examples/state-of-the-union/teacher",
                "generate x",
            })
    void aClassThatThereIsNot_isWrongUsage(String command) {
        Outcome outcome = run(command + " --priority urgent");
        assertThat(outcome.err()).contains("priority: urgent (expected: interactive, training, capture)");
        assertThat(outcome.code()).isEqualTo(2);
    }
}
