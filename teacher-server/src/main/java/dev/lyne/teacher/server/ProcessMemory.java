package dev.lyne.teacher.server;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Memory of this process as it is now.
 *
 * @param residentBytes memory that is there, of the heap and beside it; null where the system does not tell
 * @param nativeBytes what at least of that is no memory of the Java virtual machine's: weights, keys and values,
 *     tensors, network buffers; likewise
 */
record ProcessMemory(
        long heapBytes,
        long maxHeapBytes,
        @Nullable Long residentBytes,
        @Nullable Long nativeBytes) {
    private static final Path STATUS = Path.of("/proc/self/status");

    /** Reads it. */
    static ProcessMemory now() {
        Runtime runtime = Runtime.getRuntime();
        OptionalLong resident = residentBytes(STATUS);
        return new ProcessMemory(
                runtime.totalMemory() - runtime.freeMemory(),
                runtime.maxMemory(),
                resident.isPresent() ? resident.getAsLong() : null,
                resident.isPresent() ? nativeBytes(resident.getAsLong()) : null);
    }

    /** Resident bytes of a process by the file that Linux tells them in; empty where it does not. */
    static OptionalLong residentBytes(Path status) {
        try {
            return Files.readAllLines(status).stream()
                    .filter(line -> line.startsWith("VmRSS:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
                    .findFirst();
        } catch (IOException e) {
            return OptionalLong.empty(); // a system that is not Linux
        }
    }

    /** What the virtual machine has taken for itself may not be there yet: so this is the least that it can be. */
    private static long nativeBytes(long resident) {
        MemoryMXBean memory = ManagementFactory.getMemoryMXBean();
        long ofJava = memory.getHeapMemoryUsage().getCommitted()
                + memory.getNonHeapMemoryUsage().getCommitted();
        return Math.max(0, resident - ofJava);
    }

    /** Returns the resident bytes for a meter: NaN where nobody tells. */
    double resident() {
        return residentBytes == null ? Double.NaN : residentBytes;
    }

    /** Returns the native bytes for a meter: NaN where nobody tells. */
    double ofNative() {
        return nativeBytes == null ? Double.NaN : nativeBytes;
    }
}
