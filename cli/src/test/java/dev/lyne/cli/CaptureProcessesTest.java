package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.load.process.ChildProcess;
import dev.lyne.student.train.RunSummary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real processes: a capture of what a server says, killed, resumed, out of room, and students that learn from it with no server. */
final class CaptureProcessesTest {
    private static final long SEED = 31;
    private static final int SHARD_WINDOWS = 16;

    @TempDir
    private static Path shared;

    private static TinyTraining tiny;
    private static ChildProcess server;

    @BeforeAll
    static void captureUndisturbed() throws Exception {
        tiny = new TinyTraining(shared);
        server = tiny.serve();
        try (ChildProcess capture = capture("undisturbed");
                ChildProcess student = tiny.train("live", 0)) {
            capture.awaitSuccess();
            student.awaitSuccess();
            assertThat(server.isAlive()).isTrue();
        }
    }

    @AfterAll
    static void endServer() {
        server.close();
    }

    private static ChildProcess capture(String name) throws IOException {
        return ChildProcess.start(name, tiny.log(name), 1, "256m", tiny.capturing(name, SHARD_WINDOWS));
    }

    private static List<String> from(String capture) {
        return List.of("--targets", shared.resolve(capture).toString());
    }

    @Test
    void student_ofACapture_endsWithTheWeightsOfTheLiveStream() throws Exception {
        try (ChildProcess student = tiny.train("replayed", tiny.learning("replayed", 0, from("undisturbed")))) {
            student.awaitSuccess();
        }
        assertThat(tiny.weights("replayed")).isEqualTo(tiny.weights("live"));
        RunSummary summary = RunSummary.read(tiny.directory("replayed").summary());
        assertThat(summary.targets().coverage()).isEqualTo(1.0);
    }

    @Test
    void student_ofAServedCapture_endsWithTheWeightsOfTheLiveStream() throws Exception {
        server.close();
        try (ChildProcess replay = tiny.serve(
                        "replay",
                        List.of("--replay", shared.resolve("undisturbed").toString()));
                ChildProcess student = tiny.train("served", 0)) {
            student.awaitSuccess();
            assertThat(replay.isAlive()).isTrue();
        } finally {
            server = tiny.serve();
        }
        assertThat(tiny.weights("served")).isEqualTo(tiny.weights("live"));
        RunSummary summary = RunSummary.read(tiny.directory("served").summary());
        assertThat(summary.targets().coverage()).isEqualTo(1.0);
    }

    @Test
    void student_ofACaptureOfAnotherCutting_isRefusedBeforeTraining() {
        List<String> arguments = tiny.learning("other-context", 0, from("undisturbed"));
        arguments.set(arguments.indexOf("--context") + 1, "24");
        InProcessCommand student = InProcessCommand.run(arguments);
        assertThat(student.code()).as(student.err()).isEqualTo(2);
        assertThat(student.err()).contains("context 32 (expected: this run's 24)");
        assertThat(tiny.directory("other-context").metrics()).doesNotExist();
    }

    @Test
    void capture_killedAtRandomShards_losesNoFinishedShardAndEndsWithTheSameFiles() throws Exception {
        SplittableRandom random = new SplittableRandom(SEED);
        Path killed = shared.resolve("killed");
        for (int kill = 0; kill < 2; kill++) {
            Map<String, FileTime> before = shards(killed);
            try (Breakpoints breakpoints = new Breakpoints("dev.lyne.wire.capture.ShardWriter", List.of("finish"));
                    ChildProcess capture = tiny.start("killed", tiny.capturing("killed", SHARD_WINDOWS), breakpoints)) {
                breakpoints.next("finish", 3 + random.nextInt(3)); // of two writers, one has finished then
                TinyTraining.kill(capture);
            }
            assertThat(shards(killed))
                    .as("seed %d", SEED)
                    .containsAllEntriesOf(before)
                    .hasSizeGreaterThan(before.size());
            assertThat(killed.resolve("sequences.index")).doesNotExist();
        }
        Map<String, FileTime> before = shards(killed);
        try (ChildProcess capture = capture("killed")) {
            capture.awaitSuccess();
        }
        assertThat(shards(killed)).containsAllEntriesOf(before);
        assertThat(server.isAlive()).isTrue();
        assertSameAsUndisturbed(killed);
    }

    @Test
    void capture_inPartsSideBySide_mergesIntoTheSameFiles() throws Exception {
        Path merged = shared.resolve("merged");
        List<ChildProcess> parts = new ArrayList<>();
        try {
            for (String part : List.of("0/3", "1/3", "2/3")) {
                List<String> arguments = new ArrayList<>(tiny.capturing("merged", SHARD_WINDOWS));
                arguments.addAll(List.of("--part", part));
                parts.add(ChildProcess.start("part", tiny.log("part-" + part.charAt(0)), 1, "256m", arguments));
            }
            for (ChildProcess part : parts) {
                part.awaitSuccess();
            }
        } finally {
            parts.forEach(ChildProcess::close);
        }
        assertThat(merged.resolve("manifest.json")).doesNotExist();
        List<String> merge = List.of("capture", "--merge", "--out", merged.toString());
        try (ChildProcess process = ChildProcess.start("merge", tiny.log("merge"), 1, "256m", merge)) {
            process.awaitSuccess();
        }
        assertSameAsUndisturbed(merged);
        try (Stream<Path> files = Files.list(merged)) {
            assertThat(files.filter(Files::isDirectory)).isEmpty();
        }
    }

    @Test
    void capture_withoutRoom_saysSoInOneLineAndGoesOnWhenThereIs() throws Exception {
        Path full = shared.resolve("full");
        LimitedCommand stopped =
                LimitedCommand.run("8", tiny.capturing("full", SHARD_WINDOWS)); // KiB; a shard has more
        assertThat(stopped.code()).isEqualTo(1);
        assertThat(stopped.errors())
                .singleElement()
                .satisfies(line -> assertThat(line)
                        .startsWith("lyne: " + full.resolve("shard-0000"))
                        .contains(": cannot be written: File too large; finished shards stand")
                        .endsWith("make room and run the same command again"));
        try (Stream<Path> files = Files.list(full)) {
            assertThat(files.filter(file -> file.toString().endsWith(".partial")))
                    .isEmpty();
        }
        assertThat(LimitedCommand.run("unlimited", tiny.capturing("full", SHARD_WINDOWS))
                        .code())
                .isZero();
        assertThat(server.isAlive()).isTrue();
        assertSameAsUndisturbed(full);
    }

    private static void assertSameAsUndisturbed(Path capture) throws IOException {
        Path undisturbed = shared.resolve("undisturbed");
        try (Stream<Path> files = Files.list(undisturbed)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                assertThat(capture.resolve(undisturbed.relativize(file))).hasSameBinaryContentAs(file);
            }
        }
    }

    /** Finished shards, and when they were written. */
    private static Map<String, FileTime> shards(Path directory) throws IOException {
        Map<String, FileTime> shards = new TreeMap<>();
        if (Files.isDirectory(directory)) {
            try (Stream<Path> files = Files.list(directory)) {
                for (Path file : files.filter(name -> name.toString().endsWith(".blocks"))
                        .toList()) {
                    shards.put(String.valueOf(file.getFileName()), Files.getLastModifiedTime(file));
                }
            }
        }
        return shards;
    }
}
