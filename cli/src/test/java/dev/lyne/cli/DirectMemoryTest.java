package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.load.process.ChildProcess;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/** A server whose rows find no memory to be sent from, and stay without: no student is answered, so the process ends. */
@Timeout(180)
final class DirectMemoryTest {
    @TempDir
    private Path directory;

    private static Process serve(String directMemory) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(LimitedCommand.optionsOfTests());
        command.addAll(List.of(
                "-Xmx128m",
                "-XX:MaxDirectMemorySize=" + directMemory,
                "-XX:+ExitOnOutOfMemoryError",
                "-cp",
                System.getProperty("java.class.path"),
                Lyne.class.getName()));
        command.addAll(List.of(
                "serve", "--teacher", "synthetic:tokens_per_second=20000,vocabulary=1000,context=64", "--listen"));
        command.add("127.0.0.1:0");
        return new ProcessBuilder(command).start();
    }

    @Test
    void serve_directMemoryStaysOut_exits3AndNamesTheLimit() throws Exception {
        Process server = serve("24k"); // a sequence's rows take 32
        try (var out = server.inputReader(StandardCharsets.UTF_8);
                var err = server.errorReader(StandardCharsets.UTF_8)) {
            String address = JsonMapper.shared()
                    .readTree(out.readLine())
                    .get("listening")
                    .asString();
            String load =
                    "load --students 1 --in-flight 1 --tokens 64 --row-precision exact --warm-up 0 --duration 60 --drain 1";
            List<String> student = new ArrayList<>(List.of(load.split(" ")));
            student.addAll(List.of("--teacher", address));
            try (ChildProcess asking = ChildProcess.start("load", directory.resolve("load.log"), 1, "256m", student)) {
                assertThat(server.waitFor(2, TimeUnit.MINUTES))
                        .as("the server, while %s asks", asking)
                        .isTrue();
            }
            assertThat(server.exitValue()).isEqualTo(3);
            List<String> lines = err.lines().toList();
            assertThat(lines.stream().filter(line -> line.startsWith("lyne: ")))
                    .singleElement()
                    .asString()
                    .startsWith("lyne: out of direct memory: ")
                    .endsWith(" (expected: a larger LYNE_DIRECT_MEMORY, or less at a time)");
            assertThat(lines).anyMatch(line -> line.contains("direct memory was refused, and what asked for it ends"));
        } finally {
            server.destroyForcibly();
        }
    }

    @Test
    void serve_enoughDirectMemory_isHealthy() throws Exception {
        Process server = serve("64m");
        try (var out = server.inputReader(StandardCharsets.UTF_8)) {
            String address = JsonMapper.shared()
                    .readTree(out.readLine())
                    .get("listening")
                    .asString();
            assertThat(Lyne.commandLine().execute("health", "--teacher", address))
                    .isZero();
        } finally {
            server.destroyForcibly();
        }
    }
}
