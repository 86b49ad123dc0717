package dev.lyne.teacher.cache.disk;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** SIGKILL to a process that writes rows: what it said it had kept is there for the next. */
final class ServerKilledWhileWritingTest {
    private static final long MAX_BYTES = 64L << 20;

    @TempDir
    private Path directory;

    @Test
    void kill_twiceWhileWriting_losesNothingThatWasKept() throws Exception {
        int kept = 0;
        for (int life = 0; life < 2; life++) {
            try (DiskChild child = new DiskChild(directory, MAX_BYTES)) {
                for (int until = kept + 100; kept < until; kept++) {
                    assertThat(child.keep(kept)).isEqualTo("kept");
                }
            } // killed, without a word
        }
        try (DiskChild child = new DiskChild(directory, MAX_BYTES)) {
            for (int number = 0; number < kept; number++) {
                assertThat(child.find(number)).as("sequence %d", number).isEqualTo("hit");
            }
            assertThat(child.find(kept)).isEqualTo("miss");
        }
    }
}
