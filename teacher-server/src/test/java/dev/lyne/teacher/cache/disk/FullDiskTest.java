package dev.lyne.teacher.cache.disk;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A disk that takes no more bytes: a real process whose files may not grow (RLIMIT_FSIZE, set from outside while it runs), so
 * that the database's own writes fail in the kernel.
 */
final class FullDiskTest {
    private static final String HARDLY_ANY = "4096:unlimited";
    private static final String PLENTY = "unlimited:unlimited";

    @TempDir
    private Path directory;

    @Test
    void diskFull_thenNot_turnsTheTierOffAndOnAgain() throws Exception {
        try (DiskChild child = new DiskChild(directory, 64L << 20)) {
            for (int number = 0; number < 20; number++) {
                assertThat(child.keep(number)).isEqualTo("kept");
            }
            child.limitFiles(HARDLY_ANY);
            assertThat(child.keep(20)).isEqualTo("dropped");
            assertThat(child.find(0)).isEqualTo("miss");
            for (int number = 21; number < 24; number++) { // each tries to open the database again
                assertThat(child.keep(number)).isEqualTo("dropped");
            }
            child.limitFiles(PLENTY);
            assertThat(child.keep(30)).isEqualTo("kept");
            assertThat(child.find(30)).isEqualTo("hit");
            for (int number = 0; number < 20; number++) {
                assertThat(child.find(number)).as("sequence %d", number).isEqualTo("hit");
            }
        }
    }

    @Test
    void diskFullFromTheStart_isATierThatIsOff() throws Exception {
        try (DiskChild child = new DiskChild(directory, 64L << 20)) {
            assertThat(child.find(0)).isEqualTo("miss"); // it is up and running
            child.limitFiles("0:unlimited");
            assertThat(child.keep(0)).isEqualTo("dropped");
            assertThat(child.find(0)).isEqualTo("miss");
            child.limitFiles(PLENTY);
            assertThat(child.keep(0)).isEqualTo("kept");
            assertThat(child.find(0)).isEqualTo("hit");
        }
    }
}
