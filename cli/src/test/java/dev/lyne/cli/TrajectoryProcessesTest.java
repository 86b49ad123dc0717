package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.load.process.ChildProcess;
import dev.lyne.student.train.RunSummary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Targets that a model in training leaves, and students that learn from stretches of its steps. */
final class TrajectoryProcessesTest {
    private static final int CHECKPOINT_EVERY = 6;

    @TempDir
    private static Path shared;

    private static TinyTraining tiny;

    @BeforeAll
    static void pretrain() throws Exception {
        tiny = new TinyTraining(shared);
        run("whole");
    }

    private static List<String> recording(String name) {
        List<String> arguments = new ArrayList<>(tiny.plainly(name, CHECKPOINT_EVERY));
        arguments.set(0, "pretrain");
        arguments.addAll(List.of("--record-targets", targets(name).toString(), "--top-k", "16"));
        return arguments;
    }

    private static Path targets(String name) {
        return shared.resolve(name + "-targets");
    }

    private static void run(String name) throws Exception {
        try (ChildProcess process = tiny.train(name, recording(name))) {
            process.awaitSuccess();
        }
    }

    private static List<Path> files(String name) throws IOException {
        try (Stream<Path> files = Files.list(targets(name))) {
            return files.filter(file -> !file.getFileName().toString().startsWith("."))
                    .sorted()
                    .toList();
        }
    }

    private static List<String> learning(String name, String... targets) {
        List<String> arguments = new ArrayList<>(tiny.plainly(name, 0));
        arguments.set(arguments.indexOf("--steps") + 1, "5");
        arguments.addAll(List.of("--targets", targets("whole").toString(), "--alpha", "0.9", "--top-k", "16"));
        arguments.addAll(List.of(targets));
        return arguments;
    }

    @Test
    void pretrain_recording_trainsTheSameModelAsWithout() throws Exception {
        List<String> plain = new ArrayList<>(tiny.plainly("plain", 0));
        plain.set(0, "pretrain");
        try (ChildProcess process = tiny.train("plain", plain)) {
            process.awaitSuccess();
        }
        assertThat(tiny.weights("plain")).isEqualTo(tiny.weights("whole"));
        assertThat(files("whole")).hasSize(TinyTraining.STEPS / CHECKPOINT_EVERY + 2); // shards, index, manifest
        assertThat(Files.readString(targets("whole").resolve("manifest.json")))
                .contains("\"kind\" : \"trajectory\"")
                .contains("\"steps\" : " + TinyTraining.STEPS);
    }

    @Test
    void pretrain_killedAndResumed_recordsTheSameBytes() throws Exception {
        try (Breakpoints breakpoints = new Breakpoints(Breakpoints.METRICS, List.of("step"));
                ChildProcess process = tiny.start("killed", recording("killed"), breakpoints)) {
            breakpoints.next("step", CHECKPOINT_EVERY + 4);
            TinyTraining.kill(process);
        }
        run("killed");
        assertThat(files("killed")).hasSameSizeAs(files("whole"));
        for (Path file : files("killed")) {
            Path same = targets("whole").resolve(file.getFileName());
            // The manifest names the run.
            if (file.getFileName().toString().endsWith(".blocks")) {
                assertThat(Files.mismatch(file, same)).as(file.toString()).isEqualTo(-1);
            }
        }
    }

    @Test
    void train_rangeOfSteps_learnsFromTheirWindows() throws Exception {
        InProcessCommand.succeed(learning("late", "--targets-kind", "trajectory", "--targets-steps", "13-24"));
        RunSummary summary = RunSummary.read(tiny.directory("late").summary());
        assertThat(summary.targets().coverage()).isEqualTo(1.0);
        assertThat(summary.targets().teacherPositions()).containsOnlyKeys("replay");
    }

    @Test
    void train_kindOrStepsNotNamed_isRefused() {
        assertRefused("a capture of kind trajectory (expected: data)", "unnamed");
        assertRefused(
                "targets_steps:  (expected: FIRST-LAST with targets_kind=trajectory, from 1)",
                "stepless",
                "--targets-kind",
                "trajectory");
        assertRefused(
                "steps up to 25 (expected: at most 24, as were recorded)",
                "beyond",
                "--targets-kind",
                "trajectory",
                "--targets-steps",
                "20-25");
        assertRefused(
                "targets_steps: 1-5 (expected: not given with targets_kind=data)",
                "kindless",
                "--targets-steps",
                "1-5");
    }

    private static void assertRefused(String message, String name, String... targets) {
        InProcessCommand refused = InProcessCommand.run(learning(name, targets));
        assertThat(refused.code()).as(refused.err()).isNotZero();
        assertThat(refused.err()).contains(message);
    }
}
