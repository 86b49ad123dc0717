package dev.lyne.teacher.cache.disk;

import dev.lyne.teacher.cache.TierMetrics;
import dev.lyne.teacher.score.TestRows;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** A disk tier in a process of its own, which can be killed or starved of disk; a line in, a line out. */
final class DiskChild implements AutoCloseable {
    private final Process process;
    private final BufferedReader replies;

    DiskChild(Path directory, long maxBytes) throws IOException {
        this.process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx128m",
                        "-XX:-UsePerfData", // a file that a limit on files would hit
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        DiskChild.class.getName(),
                        directory.toString(),
                        Long.toString(maxBytes))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        this.replies = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    /** Keeps the rows of a sequence; "kept" or "dropped". */
    String keep(int number) throws IOException {
        return ask("keep " + number);
    }

    /** Looks the rows of a sequence up; "hit", "wrong" or "miss". */
    String find(int number) throws IOException {
        return ask("find " + number);
    }

    private String ask(String line) throws IOException {
        process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().flush();
        return Optional.ofNullable(replies.readLine()).orElseThrow(() -> new IOException("the child is gone"));
    }

    /** From now on no file of the child may grow beyond this many bytes; a write past it fails as one to a full disk does. */
    void limitFiles(String bytes) throws IOException, InterruptedException {
        int exit = new ProcessBuilder("prlimit", "--pid", Long.toString(process.pid()), "--fsize=" + bytes)
                .inheritIO()
                .start()
                .waitFor();
        if (exit != 0) {
            throw new IOException("prlimit: exit " + exit + " (expected: 0)");
        }
    }

    /** SIGKILL. */
    @Override
    public void close() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    /** The child: directory and bytes as arguments, commands on standard input. */
    public static void main(String[] arguments) throws IOException {
        PrintStream replies = System.out;
        System.setOut(System.err); // for whatever else writes there
        TestRows rows = new TestRows();
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        DiskTierOptions options =
                new DiskTierOptions(Path.of(arguments[0]), Long.parseLong(arguments[1]), Duration.ZERO);
        DiskTier tier = DiskTier.open(options, System::nanoTime, new TierMetrics(registry, DiskTier.NAME));
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))
                .lines()
                .forEach(line -> {
                    List<String> words = List.of(line.split(" "));
                    int number = Integer.parseInt(words.get(1));
                    if (words.get(0).equals("keep")) {
                        double drops = drops(registry);
                        tier.keep(rows.query(number).key(), rows.rows(number));
                        replies.println(drops(registry) > drops ? "dropped" : "kept");
                    } else {
                        replies.println(tier.find(rows.query(number))
                                .map(found -> TestRows.equal(found, rows.rows(number)) ? "hit" : "wrong")
                                .orElse("miss"));
                    }
                    replies.flush();
                });
    }

    private static double drops(SimpleMeterRegistry registry) {
        return registry.get("lyne.teacher.tier.write.drops").counter().count();
    }
}
