package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.load.process.ChildProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Real students whose files cannot grow past a limit of the operating system, as on a full disk: each says so in one line, and
 * ends with the weights of an undisturbed run once there is room. {@code src/test/scripts/full-disk.sh} does the same on a file
 * system that really is full.
 */
final class FullDiskTest {
    private static final String REMEDY = "; make room and run the same command with --resume --from-start";

    @TempDir
    private static Path shared;

    private static TinyTraining tiny;
    private static byte[] undisturbed;

    @BeforeAll
    static void trainUndisturbed() throws Exception {
        tiny = new TinyTraining(shared);
        assertThat(train("undisturbed", "unlimited", 2).code()).isZero();
        undisturbed = tiny.weights("undisturbed");
    }

    @Test
    void student_noRoomForACheckpoint_keepsTheEarlierOneAndResumes() throws Exception {
        try (Breakpoints breakpoints = new Breakpoints(Breakpoints.METRICS, List.of("step"));
                ChildProcess student = tiny.start("checkpoint", tiny.plainly("checkpoint", 2), breakpoints)) {
            breakpoints.next("step", 8);
            TinyTraining.kill(student);
        }
        Path checkpoints = tiny.directory("checkpoint").checkpoints();
        Path standing = standing(checkpoints);
        byte[] before = Files.readAllBytes(standing.resolve("state.safetensors"));

        LimitedCommand full = train("checkpoint", "1024", 2); // KiB; a state has more
        assertThat(full.code()).isEqualTo(1);
        assertThat(full.errors())
                .singleElement()
                .satisfies(line -> assertThat(line)
                        .startsWith("lyne: checkpoint step-0000")
                        .contains("not written: " + checkpoints)
                        .contains("state.safetensors: cannot be written: File too large; " + standing + " stands")
                        .endsWith(REMEDY));
        assertThat(standing(checkpoints)).isEqualTo(standing);
        assertThat(standing.resolve("state.safetensors")).hasBinaryContent(before);

        assertThat(train("checkpoint", "unlimited", 2).code()).isZero();
        assertThat(tiny.weights("checkpoint")).isEqualTo(undisturbed);
        assertThat(tiny.metricsSteps("checkpoint")).isEqualTo(tiny.metricsSteps("undisturbed"));
    }

    @Test
    void student_noRoomForMetrics_stopsAndResumes() throws Exception {
        Path run = tiny.directory("undisturbed").root();
        long kib = Files.size(run.resolve("settings.json")) / 1024 + 1;
        assertThat(run.resolve("metrics.jsonl"))
                .as("beyond the limit")
                .satisfies(metrics -> assertThat(Files.size(metrics)).isGreaterThan(kib * 1024));
        LimitedCommand full = train("metrics", Long.toString(kib), 0);
        assertThat(full.code()).isEqualTo(1);
        assertThat(full.errors())
                .singleElement()
                .satisfies(line -> assertThat(line)
                        .startsWith("lyne: " + tiny.directory("metrics").root())
                        .containsAnyOf("metrics.jsonl: cannot be written: File", "lyne: cannot be written: File")
                        .endsWith(REMEDY));
        assertThat(tiny.directory("metrics").model()).doesNotExist();

        assertThat(train("metrics", "unlimited", 0).code()).isZero();
        assertThat(tiny.weights("metrics")).isEqualTo(undisturbed);
        assertThat(tiny.metricsSteps("metrics")).isEqualTo(tiny.metricsSteps("undisturbed"));
    }

    /** Runs a student to its end in a shell that lets no file grow past so many KiB. */
    private static LimitedCommand train(String name, String limitKib, int checkpointEvery) throws Exception {
        return LimitedCommand.run(limitKib, tiny.plainly(name, checkpointEvery));
    }

    private static Path standing(Path checkpoints) throws IOException {
        return checkpoints.resolve(
                Files.readString(checkpoints.resolve("latest")).strip());
    }
}
