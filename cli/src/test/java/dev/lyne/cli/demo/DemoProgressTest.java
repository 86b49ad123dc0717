package dev.lyne.cli.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DemoProgressTest {
    @TempDir
    private Path directory;

    private void metrics(String student, String line) throws IOException {
        Files.writeString(
                Files.createDirectories(directory.resolve(student)).resolve("metrics.jsonl"),
                line + "\n",
                StandardOpenOption.CREATE,
                StandardOpenOption.APPEND);
    }

    @Test
    void print_bothStudents_areComparedByTheSameQuantityAndNothingUnknownIsShown() throws IOException {
        metrics(
                "distilled",
                "{\"step\": 3, \"loss\": 1.5, \"nll\": 6.25, \"positions_per_second\": 10, \"stall_fraction\": 0.5}");
        metrics("twin", "{\"step\": 3, \"loss\": 7, \"nll\": 7, \"positions_per_second\": 20, \"stall_fraction\": 0}");
        var bytes = new ByteArrayOutputStream();
        var progress = new DemoProgress(
                new PrintStream(bytes, true, StandardCharsets.UTF_8), List.of("distilled", "twin"), directory, 9);
        progress.print();
        assertThat(bytes.toString(StandardCharsets.UTF_8))
                .endsWith("s  distilled step 3/9 nll 6.250, 10 positions/s, stall 50%;"
                        + "  twin step 3/9 nll 7.000, 20 positions/s, stall 0%\n");
        metrics("twin", "{\"step\": 3, \"held_out_nll\": 6.5, \"seconds\": 1}");
        progress.print();
        assertThat(bytes.toString(StandardCharsets.UTF_8))
                .endsWith("  twin step 3/9 nll 7.000, 20 positions/s, stall 0%, held-out 6.500\n");
    }
}
