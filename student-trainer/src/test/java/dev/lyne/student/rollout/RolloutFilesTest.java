package dev.lyne.student.rollout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.student.rollout.RolloutFiles.Rollout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RolloutFilesTest {
    @TempDir
    Path directory;

    private RolloutFiles files;
    private Path file;

    @BeforeEach
    void write() throws IOException {
        files = new RolloutFiles(directory);
        file = directory.resolve("phase-3.jsonl");
        files.write(3, List.of(rollout(1), rollout(2)));
    }

    private static Rollout rollout(long key) {
        return new Rollout(
                new Prompt(key, new int[] {5, 6}, new int[] {7}),
                new Response(
                        new int[] {8, 9},
                        true,
                        new double[] {-0.25, -0.5},
                        new double[] {-0.25, -0.5},
                        new double[0],
                        0),
                new int[0][]);
    }

    @Test
    void read_whatWasWritten_isIt() throws IOException {
        List<Rollout> read = files.read(3).orElseThrow();
        assertThat(read).hasSize(2);
        assertThat(read.get(1).prompt().key()).isEqualTo(2);
        assertThat(read.get(1).response().studentLogProbabilities()).containsExactly(-0.25, -0.5);
        assertThat(files.read(4)).isEmpty();
    }

    @Test
    void read_oneDigitChanged_isRefusedWithItsLine() throws IOException {
        String whole = Files.readString(file);
        for (String changed : List.of(
                whole.replace("-0.25", "-0.26"),
                whole.replace("[8,9]", "[8,1]"),
                whole.replaceFirst("crc32c\":\"[0-9a-f]", "crc32c\":\"x"))) {
            assertThat(changed).isNotEqualTo(whole);
            Files.writeString(file, changed);
            assertThatThrownBy(() -> files.read(3))
                    .isInstanceOf(IOException.class)
                    .hasMessageStartingWith(file + ":1: damaged: ");
        }
    }

    /** Files of before end no line with a checksum. */
    @Test
    void read_linesWithoutAChecksum_areReadAsBefore() throws IOException {
        Files.writeString(file, Files.readString(file).replaceAll(",\"crc32c\":\"[0-9a-f]{8}\"", ""));
        assertThat(files.read(3).orElseThrow()).hasSize(2);
    }
}
