package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Servers in little memory, as the launcher finds it in the control groups and passes it on. */
@Timeout(180)
final class SmallContainerTest {
    private static final Path TEACHER = Path.of("..", "examples", "state-of-the-union", "teacher");

    private static Process serve(long mib, String heap, Optional<String> directMemory, String... more)
            throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx" + heap,
                "-XX:MaxDirectMemorySize=" + directMemory.orElse(heap),
                "-Dlyne.memory.mib=" + mib,
                "-cp",
                System.getProperty("java.class.path"),
                Lyne.class.getName(),
                "serve",
                "--threads",
                "1",
                "--teacher",
                TEACHER.toString(),
                "--listen",
                "127.0.0.1:0"));
        command.addAll(List.of(more));
        ProcessBuilder builder = new ProcessBuilder(command);
        directMemory.ifPresent(named -> builder.environment().put("LYNE_DIRECT_MEMORY", named));
        return builder.start();
    }

    @Test
    void serve_in2GiB_startsWithSmallBounds() throws Exception {
        Process server = serve(2_048, "512m", Optional.empty());
        try (BufferedReader out = server.inputReader(StandardCharsets.UTF_8)) {
            assertThat(out.readLine()).contains("listening");
        } finally {
            server.destroy();
            assertThat(server.waitFor(1, TimeUnit.MINUTES)).isTrue();
        }
    }

    private static String refusal(Process server) throws Exception {
        try (BufferedReader err = server.errorReader(StandardCharsets.UTF_8)) {
            List<String> lines = err.lines().toList();
            assertThat(server.waitFor()).isEqualTo(2);
            return lines.get(lines.size() - 1);
        } finally {
            server.destroyForcibly();
        }
    }

    @Test
    void serve_boundsThatAreNamedAndDoNotFit_areRefusedWithTheSum() throws Exception {
        assertThat(refusal(serve(2_048, "512m", Optional.empty(), "--kv-cache-mib", "1024")))
                .startsWith("lyne: memory: heap (LYNE_HEAP) ")
                .contains(" + --kv-cache-mib 1024 + the process itself 512 = ")
                .contains(" MiB (expected: at most 2048, ");
        assertThat(refusal(serve(4_096, "512m", Optional.of("100g"))))
                .startsWith("lyne: memory: heap (LYNE_HEAP) ")
                .contains(" + direct memory (LYNE_DIRECT_MEMORY) 102400 + weights ")
                .contains(" + --kv-cache-mib 512 + the process itself 512 = ")
                .contains(" MiB (expected: at most 4096, ");
    }
}
