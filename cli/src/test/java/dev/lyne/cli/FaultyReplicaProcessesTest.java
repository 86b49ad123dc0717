package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
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

/** Real processes: students of replicas that are stuck, slow, hung or gone, and a student that is stopped itself. */
@Timeout(180)
final class FaultyReplicaProcessesTest {
    @TempDir
    private static Path shared;

    private static TinyTraining tiny;

    @BeforeAll
    static void makeText() throws IOException {
        tiny = new TinyTraining(shared);
    }

    /** Whether it is first seen to be slow or to be stuck, its sequences go to the other: the first of them would be waited for for ever. */
    @Test
    void student_oneReplicasDeviceIsStuck_goesOnWithTheOther() throws Exception {
        try (ServerProcess healthy = teacher("healthy", "tokens_per_second=4000");
                ServerProcess wedged = teacher("wedged", "tokens_per_second=4000,stuck_after=200")) {
            List<String> arguments = student("beside-stuck", "--stuck-seconds", "1.5");
            teachers(
                    arguments,
                    wedged.awaitReady().listening(),
                    healthy.awaitReady().listening());
            try (ChildProcess student = tiny.train("beside-stuck", arguments)) {
                student.awaitSuccess();
            }
        }
    }

    @Test
    void student_firstAddressHangs_learnsFromTheSecond() throws Exception {
        try (ServerSocket hung = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                ServerProcess healthy = teacher("second", "tokens_per_second=20000")) {
            List<String> arguments = student("beside-hung");
            teachers(
                    arguments,
                    "127.0.0.1:" + hung.getLocalPort(),
                    healthy.awaitReady().listening());
            try (ChildProcess student = tiny.train("beside-hung", arguments)) {
                student.awaitSuccess();
            }
        }
    }

    /** Stopped for longer than its patience, it has it anew when it wakes. */
    @Test
    void student_suspendedLongerThanItsPatience_goesOn() throws Exception {
        try (ServerProcess server = teacher("suspended-teacher", "tokens_per_second=400")) {
            List<String> arguments = student("suspended", "--retry-seconds", "3", "--stuck-seconds", "4");
            teachers(arguments, server.awaitReady().listening());
            try (ChildProcess student = tiny.train("suspended", arguments)) {
                tiny.awaitLines("suspended", 3, student);
                student.signal("STOP");
                long start = System.nanoTime();
                await().atMost(Duration.ofSeconds(20))
                        .until(() -> System.nanoTime() - start
                                > Duration.ofSeconds(6).toNanos());
                student.signal("CONT");
                student.awaitSuccess();
            }
        }
        assertThat(Files.readString(tiny.log("suspended"))).contains("this process did not run for ");
    }

    @Test
    void student_teacherLostForGood_leavesItsLastStepAndGoesOnFromIt() throws Exception {
        List<String> whole = student("never-lost");
        try (ServerProcess server = teacher("kept-teacher", "tokens_per_second=20000")) {
            teachers(whole, server.awaitReady().listening());
            try (ChildProcess student = tiny.train("never-lost", whole)) {
                student.awaitSuccess();
            }
        }
        try (ServerProcess server = teacher("lost-teacher", "tokens_per_second=300")) {
            List<String> arguments = student("lost", "--retry-seconds", "6");
            teachers(arguments, server.awaitReady().listening());
            try (ChildProcess student = tiny.train("lost", arguments)) {
                tiny.awaitLines("lost", 5, student);
                kill(server.pid());
                await().atMost(Duration.ofMinutes(1)).until(() -> !student.isAlive());
            }
        }
        assertThat(Files.readString(tiny.log("lost")))
                .contains("no rows for PT6S")
                .contains("checkpoint written before the end");
        assertThat(steps("lost")).hasSize(1);
        try (ServerProcess server = teacher("new-teacher", "tokens_per_second=20000")) {
            List<String> arguments = student("lost");
            teachers(arguments, server.awaitReady().listening());
            try (ChildProcess student = tiny.train("lost", arguments)) {
                student.awaitSuccess();
            }
        }
        assertThat(tiny.weights("lost")).isEqualTo(tiny.weights("never-lost"));
    }

    @Test
    void student_toldToStopWhileItWaits_leavesItsLastStepAtOnce() throws Exception {
        try (ServerProcess server = teacher("still-teacher", "tokens_per_second=20000,stuck_after=700")) {
            List<String> arguments = student("waiting", "--stuck-seconds", "1");
            teachers(arguments, server.awaitReady().listening());
            try (ChildProcess student = tiny.train("waiting", arguments)) {
                await().atMost(Duration.ofMinutes(1))
                        .until(() -> Files.exists(tiny.log("waiting"))
                                && Files.readString(tiny.log("waiting")).contains("there is no other replica"));
                student.signal("TERM");
                await().atMost(Duration.ofSeconds(20)).until(() -> !student.isAlive());
            }
        }
        assertThat(steps("waiting")).hasSize(1);
        assertThat(Files.readString(tiny.log("waiting")))
                .contains("waiting for the teacher for ")
                .contains("checkpoint written before the end");
    }

    private static ServerProcess teacher(String name, String settings) throws IOException {
        return ServerProcess.start(
                tiny.log(name), "synthetic:tokenizer=" + tiny.teacher() + "," + settings, 128, List.of());
    }

    private static List<String> student(String name, String... more) {
        List<String> arguments = tiny.plainly(name, 0);
        arguments.addAll(List.of("--alpha", "0.7", "--top-k", "16", "--in-flight", "8"));
        arguments.addAll(List.of(more));
        return arguments;
    }

    private static void teachers(List<String> arguments, String... addresses) {
        arguments.add("--teacher");
        arguments.add(String.join(",", addresses));
    }

    private static List<Path> steps(String name) throws IOException {
        List<Path> steps = new ArrayList<>();
        try (Stream<Path> entries = Files.list(tiny.directory(name).checkpoints())) {
            entries.filter(entry -> entry.getFileName().toString().startsWith("step-"))
                    .forEach(steps::add);
        }
        return steps;
    }

    private static void kill(long pid) {
        assertThat(ProcessHandle.of(pid).orElseThrow().destroyForcibly()).isTrue();
    }
}
