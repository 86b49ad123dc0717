package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ProcessMemoryTest {
    @TempDir
    Path directory;

    @Test
    void residentBytes_isWhatLinuxTells() throws IOException {
        Path status = Files.writeString(
                directory.resolve("status"), "Name:\tjava\nVmHWM:\t  900000 kB\nVmRSS:\t  812345 kB\nThreads:\t77\n");
        assertThat(ProcessMemory.residentBytes(status)).hasValue(812_345L << 10);
        assertThat(ProcessMemory.residentBytes(directory.resolve("none"))).isEmpty();
        assertThat(ProcessMemory.residentBytes(Files.writeString(status, "Name:\tjava\n")))
                .isEmpty();
    }

    @Test
    void now_whereTheSystemTells_isMoreThanTheHeapInUse() {
        ProcessMemory memory = ProcessMemory.now();
        assertThat(memory.heapBytes()).isPositive().isLessThanOrEqualTo(memory.maxHeapBytes());
        assertThat(memory.residentBytes() == null).isEqualTo(memory.nativeBytes() == null);
        if (memory.residentBytes() != null) {
            assertThat(memory.resident()).isGreaterThan(1 << 20);
            assertThat(memory.ofNative()).isBetween(0.0, memory.resident());
        } else {
            assertThat(memory.resident()).isNaN();
        }
    }
}
