package dev.lyne.cli;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * A command that ran to its end in a process of its own, which could let no file grow past a limit: what a full disk does to it.
 *
 * @param code that it exited with
 * @param err its lines on stderr
 */
record LimitedCommand(int code, List<String> err) {
    /** Options of the JVM that runs the tests, whose compiler suits processes of seconds. */
    static List<String> optionsOfTests() {
        return ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(option -> option.startsWith("-XX:") || option.startsWith("-D"))
                .toList();
    }

    /** @param limitKib most of a file in KiB, or unlimited */
    static LimitedCommand run(String limitKib, List<String> arguments) throws IOException, InterruptedException {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        List<String> command = Stream.of(
                        List.of("bash", "-c", "ulimit -f " + limitKib + " && exec \"$@\"", "bash", java),
                        optionsOfTests(),
                        List.of("-Xmx256m", "-XX:-UsePerfData", "-cp", System.getProperty("java.class.path")),
                        List.of(Lyne.class.getName()),
                        arguments)
                .flatMap(List::stream)
                .toList();
        ProcessBuilder builder = new ProcessBuilder(command).redirectOutput(ProcessBuilder.Redirect.DISCARD);
        builder.environment().put("OMP_NUM_THREADS", "1");
        Process process = builder.start();
        try {
            List<String> lines =
                    process.errorReader(StandardCharsets.UTF_8).lines().toList();
            return new LimitedCommand(process.waitFor(), lines);
        } finally {
            process.destroyForcibly();
        }
    }

    /** Lines that are not progress. */
    List<String> errors() {
        return err.stream().filter(line -> line.startsWith("lyne: ")).toList();
    }
}
