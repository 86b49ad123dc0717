package dev.lyne.load.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * Resources of the machine that a process holds, as Linux tells them.
 *
 * @param residentBytes memory that is there
 * @param threads threads of it
 * @param descriptors open files and connections
 */
public record ProcessFigures(long residentBytes, long threads, long descriptors) {
    /** Returns the figures of a process as they are now. */
    public static ProcessFigures of(long pid) throws IOException {
        Path process = Path.of("/proc", Long.toString(pid));
        Path status = process.resolve("status");
        if (!Files.exists(status)) {
            throw new IOException(status + ": not there (expected: a Linux system, and a process that has not ended)");
        }
        long resident = 0;
        long threads = 0;
        for (String line : Files.readAllLines(status)) {
            if (line.startsWith("VmRSS:")) {
                resident = number(line) << 10;
            } else if (line.startsWith("Threads:")) {
                threads = number(line);
            }
        }
        try (Stream<Path> descriptors = Files.list(process.resolve("fd"))) {
            return new ProcessFigures(resident, threads, descriptors.count());
        }
    }

    private static long number(String line) {
        return Long.parseLong(line.replaceAll("\\D", ""));
    }

    /** Objects of a class that are alive in a Java process of this user, after a collection; by the JDK's jcmd. */
    public static long instances(long pid, String className) throws IOException, InterruptedException {
        Path jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd");
        if (!Files.isExecutable(jcmd)) {
            throw new IOException(jcmd + ": not there (expected: a JDK, to count what is alive in a process)");
        }
        Process listing = new ProcessBuilder(jcmd.toString(), Long.toString(pid), "GC.class_histogram")
                .redirectErrorStream(true)
                .start();
        String text = new String(listing.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        int code = listing.waitFor();
        if (code != 0 || !text.contains("#instances")) {
            throw new IOException(jcmd + " of process " + pid + " exited with " + code + ": "
                    + text.lines().findFirst().orElse("") + " (expected: a histogram)");
        }
        return text.lines()
                .map(line -> line.strip().split("\\s+"))
                .filter(cells -> cells.length >= 4 && cells[3].equals(className))
                .mapToLong(cells -> Long.parseLong(cells[1]))
                .sum();
    }
}
