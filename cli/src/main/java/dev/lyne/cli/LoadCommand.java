package dev.lyne.cli;

import dev.lyne.load.ClosedLoop;
import dev.lyne.load.LoadProfile;
import dev.lyne.load.LoadReport;
import dev.lyne.load.Tally;
import dev.lyne.student.client.ClientOptions;
import dev.lyne.student.client.TeacherClient;
import java.io.PrintStream;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A closed-loop load test. */
@Command(
        name = "load",
        description = "Load-tests a teacher server: N students that each keep a window of random sequences in flight.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class LoadCommand implements Callable<Integer> {
    @Option(
            names = "--teacher",
            paramLabel = "HOST:PORT",
            required = true,
            description = "The teacher server, or its replicas.")
    private String teacher;

    @Option(names = "--students", defaultValue = "4", description = "Students (default: ${DEFAULT-VALUE}).")
    private int students;

    @Option(
            names = "--window",
            defaultValue = "16",
            description = "Sequences a student keeps in flight (default: ${DEFAULT-VALUE}).")
    private int window;

    @Option(names = "--tokens", defaultValue = "256", description = "Tokens a sequence (default: ${DEFAULT-VALUE}).")
    private int tokens;

    @Option(
            names = "--repeated",
            defaultValue = "0",
            description = "Share of sequences from a pool in common (default: ${DEFAULT-VALUE}).")
    private double repeated;

    @Option(names = "--pool", defaultValue = "256", description = "Sequences in that pool (default: ${DEFAULT-VALUE}).")
    private int pool;

    @Option(
            names = "--warm-up",
            defaultValue = "3",
            paramLabel = "SECONDS",
            description = "Time before anything counts (default: ${DEFAULT-VALUE}).")
    private double warmUpSeconds;

    @Option(
            names = "--duration",
            defaultValue = "20",
            paramLabel = "SECONDS",
            description = "Time that counts (default: ${DEFAULT-VALUE}).")
    private double durationSeconds;

    @Option(names = "--seed", defaultValue = "1", description = "Seed of the sequences (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Mixin
    private SelectionOptions selection;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        var profile = new LoadProfile(
                students,
                window,
                tokens,
                selection.selection(),
                repeated,
                pool,
                seconds(warmUpSeconds),
                seconds(durationSeconds),
                seed);
        var options =
                ClientOptions.builder().window(window, (long) window * tokens).build();
        LoadReport report = new ClosedLoop(
                        number -> TeacherClient.connect(
                                teacher,
                                options.toBuilder().student("load-" + number).build()),
                        profile)
                .run(new Rate());
        json.write(report);
        if (!json.toStdout()) {
            print(System.out, report);
        }
        return 0;
    }

    private static Duration seconds(double seconds) {
        return Duration.ofNanos((long) (seconds * 1e9));
    }

    /** Prints positions a second, once a second. */
    private static final class Rate implements java.util.function.Consumer<Tally> {
        private long lastNanos = System.nanoTime();
        private long lastPositions;

        @Override
        public void accept(Tally tally) {
            long now = System.nanoTime();
            double rate = (tally.positions() - lastPositions) * 1e9 / (now - lastNanos);
            System.err.printf("%,12.0f positions/s%n", rate);
            lastNanos = now;
            lastPositions = tally.positions();
        }
    }

    private static void print(PrintStream out, LoadReport report) {
        out.printf("students            %d%n", report.students());
        out.printf(
                "sequences           %,d answered, %,d failed, %d reconnects%n",
                report.sequences(), report.failedSequences(), report.reconnects());
        out.printf("positions/s         %,.0f%n", report.positionsPerSecond());
        out.printf("bytes/s             %,.0f%n", report.bytesPerSecond());
        out.printf("bytes a position    %.1f%n", report.bytesPerPosition());
        out.printf("hit ratio           %.3f %s%n", report.hitRatio(), report.positionsBySource());
        out.printf("latency, ms         %s%n", report.latencyMillis());
    }
}
