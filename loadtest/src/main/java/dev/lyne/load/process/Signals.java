package dev.lyne.load.process;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Signals to a process from outside, with the rights of its owner. */
public final class Signals {
    private Signals() {}

    /** Sends a signal by name: STOP, CONT, KILL, TERM. */
    static void send(String name, long pid, String signal) throws IOException, InterruptedException {
        run("of " + name, "kill", "-" + signal, Long.toString(pid));
    }

    /** Whether {@link #fillDisk} works here: on Linux, with util-linux. */
    public static boolean canFillDisk() throws InterruptedException {
        try {
            return run(List.of("prlimit", "--version")) == 0;
        } catch (IOException e) {
            return false; // there is no such command
        }
    }

    /**
     * Lets no file of the process grow from now on, as on a full disk: the operating system refuses each write (EFBIG).
     */
    public static void fillDisk(long pid) throws IOException, InterruptedException {
        run("of process " + pid, "prlimit", "--pid", Long.toString(pid), "--fsize=0:");
    }

    /** The process may write again. */
    public static void makeRoom(long pid) throws IOException, InterruptedException {
        run("of process " + pid, "prlimit", "--pid", Long.toString(pid), "--fsize=unlimited:");
    }

    private static void run(String whom, String... command) throws IOException, InterruptedException {
        int code = run(Arrays.asList(command));
        if (code != 0) {
            throw new IOException(String.join(" ", command) + " " + whom + " exited with " + code + " (expected: 0)");
        }
    }

    private static int run(List<String> command) throws IOException, InterruptedException {
        return new ProcessBuilder(new ArrayList<>(command))
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start()
                .waitFor();
    }
}
