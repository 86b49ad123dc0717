package dev.lyne.load.bench;

import dev.lyne.load.process.ChildProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The resident memory of this process. Linux only. */
final class ResidentMemory {
    /** Variables of a process to be measured, so that what is freed is given back, and what is resident is what is in use. */
    static final Map<String, String> GIVES_BACK =
            Map.of("MALLOC_TRIM_THRESHOLD_", "131072", "MALLOC_MMAP_THRESHOLD_", "131072");

    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Path RESET = Path.of("/proc/self/clear_refs");

    private ResidentMemory() {}

    /** Bytes by which it grows, at its peak, over what is resident before. */
    static long growth(Runnable work) throws IOException {
        Files.writeString(RESET, "5"); // the peak begins here: man 5 proc
        long before = kibibytes("VmRSS:");
        work.run();
        return (kibibytes("VmHWM:") - before) << 10;
    }

    /**
     * Returns the bytes that a hidden command, {@code lyne bench memory}, measures in a process of its own.
     *
     * @param what is measured, for people
     * @param arguments of the command
     */
    static long inAProcess(String what, List<String> arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("bench", "memory"));
        command.addAll(arguments);
        Path log = Files.createTempFile("lyne-bench-memory", ".log");
        try (ChildProcess process =
                ChildProcess.start(what, log, Runtime.getRuntime().availableProcessors(), "2g", GIVES_BACK, command)) {
            long bytes = Long.parseLong(process.readLine());
            process.awaitSuccess();
            return bytes;
        } finally {
            Files.delete(log);
        }
    }

    private static long kibibytes(String field) throws IOException {
        for (String line : Files.readAllLines(STATUS)) {
            if (line.startsWith(field)) {
                return Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        throw new IOException(STATUS + ": no " + field + " (expected: a Linux system)");
    }
}
