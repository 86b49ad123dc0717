package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.load.process.ChildProcess;
import dev.lyne.load.process.ServerProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Real processes: a student that is told to stop while it waits. Faults that it outlives are the cases of {@code bench faults}. */
@Timeout(180)
final class StoppedWhileWaitingTest {
    @TempDir
    private static Path shared;

    private static TinyTraining tiny;

    @BeforeAll
    static void makeText() throws IOException {
        tiny = new TinyTraining(shared);
    }

    @Test
    void student_toldToStopWhileItWaits_leavesItsLastStepAtOnce() throws Exception {
        try (ServerProcess server = ServerProcess.start(
                tiny.log("still-teacher"),
                "synthetic:tokenizer=" + tiny.teacher() + ",tokens_per_second=20000,stuck_after=700",
                128,
                List.of())) {
            List<String> arguments = tiny.plainly("waiting", 0);
            arguments.addAll(List.of("--alpha", "0.7", "--top-k", "16", "--in-flight", "8", "--stuck-seconds", "1"));
            arguments.addAll(List.of("--teacher", server.awaitReady().listening()));
            try (ChildProcess student = tiny.train("waiting", arguments)) {
                await().atMost(Duration.ofMinutes(1))
                        .until(() -> Files.exists(tiny.log("waiting"))
                                && Files.readString(tiny.log("waiting")).contains("there is no other replica"));
                student.signal("TERM");
                await().atMost(Duration.ofSeconds(20)).until(() -> !student.isAlive());
            }
            server.signal("KILL"); // it would drain for as long as it may, as its device stands still
        }
        assertThat(steps("waiting")).hasSize(1);
        assertThat(Files.readString(tiny.log("waiting")))
                .contains("waiting for the teacher for ")
                .contains("checkpoint written before the end");
    }

    private static List<Path> steps(String name) throws IOException {
        List<Path> steps = new ArrayList<>();
        try (Stream<Path> entries = Files.list(tiny.directory(name).checkpoints())) {
            entries.filter(entry -> entry.getFileName().toString().startsWith("step-"))
                    .forEach(steps::add);
        }
        return steps;
    }
}
