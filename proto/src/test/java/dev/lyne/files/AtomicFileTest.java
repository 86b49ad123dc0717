package dev.lyne.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class AtomicFileTest {
    @TempDir
    private Path directory;

    @Test
    void write_overAnother_replacesItWholeAndLeavesNothingBeside() throws IOException {
        Path file = Files.writeString(directory.resolve("a.json"), "before");
        AtomicFile.write(file, new byte[] {'n', 'o', 'w'});
        assertThat(file).hasContent("now");
        assertThat(names()).containsExactly("a.json");
    }

    @Test
    void close_withoutCommit_leavesTheEarlierFile() throws IOException {
        Path file = Files.writeString(directory.resolve("a.json"), "before");
        try (AtomicFile aside = AtomicFile.create(file)) {
            aside.append(ByteBuffer.wrap(new byte[] {'n', 'o'}));
        }
        assertThat(file).hasContent("before");
        assertThat(names()).containsExactly("a.json");
    }

    @Test
    void create_leftOversOfKilledProcesses_removesItsOwnDeadOnesOnly() throws Exception {
        Process ended = new ProcessBuilder("true").start();
        long dead = ended.pid();
        ended.waitFor();
        Process running = new ProcessBuilder("sleep", "60").start();
        try {
            for (String name : List.of(".a.json." + dead, ".a.json." + running.pid(), ".b.json." + dead)) {
                Files.writeString(directory.resolve(name + ".partial"), "half");
            }
            Files.writeString(directory.resolve(".a.json.x.partial"), "no process's");
            AtomicFile.write(directory.resolve("a.json"), new byte[1]);
            assertThat(names())
                    .containsExactlyInAnyOrder(
                            "a.json",
                            ".a.json." + running.pid() + ".partial",
                            ".b.json." + dead + ".partial",
                            ".a.json.x.partial");
        } finally {
            running.destroyForcibly();
        }
    }

    @Test
    void create_placeThatCannotBe_namesTheFileAndTheReason() throws IOException {
        Path inTheWay = Files.writeString(directory.resolve("file"), "x");
        assertThatThrownBy(() -> AtomicFile.write(inTheWay.resolve("a.json"), new byte[1]))
                .isInstanceOf(UnwritableFileException.class)
                .hasMessageStartingWith(inTheWay.resolve("a.json") + ": cannot be written: ");
    }

    private List<String> names() throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.map(entry -> entry.getFileName().toString()).toList();
        }
    }
}
