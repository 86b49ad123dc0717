package dev.lyne.load.bench;

import dev.lyne.client.TeacherDialer;
import dev.lyne.client.TeacherSecurity;
import dev.lyne.load.wire.GrpcConnections;
import dev.lyne.teacher.batch.BatchOptions;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import dev.lyne.teacher.synthetic.SyntheticSettings;
import dev.lyne.teacher.synthetic.SyntheticTeacher;
import io.micrometer.core.instrument.Timer;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * Benchmark of what a server still does when three times as much is asked of it as it can: a real server over real
 * connections, with a synthetic teacher. First streams that always have a window in flight show what it can; then, on
 * another server, sequences are asked for three times as fast, whatever becomes of them.
 */
public final class OverloadBenchmark {
    private static final int TOKENS = 256;
    private static final double TOKENS_PER_SECOND = 20_000;
    private static final double HALF_BATCH = 100;
    private static final int BATCH_TOKENS = 4_096;
    private static final int STREAMS = 16;
    private static final int WINDOW = 16;
    private static final double FACTOR = 3;
    private static final double LEAST_GOODPUT = 0.9;
    private static final Duration SETTLING = Duration.ofSeconds(2);

    private final Duration maxQueue;
    private final Duration time;
    private final Consumer<String> progress;

    /**
     * Figures that were measured.
     *
     * @param goodputOverPeak sequences answered a second, over those that it can
     * @param p99Millis 99th percentile of the time to an answer, of those that got one
     * @param forwardMs longest forward
     * @param refused sequences that it was too busy for
     * @param refusedWithoutRetry those that were not told when to ask again
     * @param holds whether all of it is within the bounds
     */
    public record Result(
            double goodputOverPeak,
            double peakPerSecond,
            double goodputPerSecond,
            double offeredPerSecond,
            double p99Millis,
            double maxQueueMillis,
            double forwardMs,
            long refused,
            long refusedWithoutRetry,
            boolean holds) {}

    /**
     * A benchmark.
     *
     * @param maxQueue longest that a sequence may wait for the device
     * @param time that each figure is taken over
     */
    public OverloadBenchmark(Duration maxQueue, Duration time, Consumer<String> progress) {
        this.maxQueue = maxQueue;
        this.time = time;
        this.progress = progress;
    }

    /** Runs it. */
    public Result run() throws IOException, InterruptedException {
        double peak = peak();
        progress.accept(String.format("it can %.1f sequences a second; now it is asked for %.1f", peak, FACTOR * peak));
        try (TeacherServer server = serve();
                GrpcConnections connections = connect(server)) {
            List<FairnessStudent> students = open(connections, 0);
            try {
                return overload(server, students, peak);
            } finally {
                students.forEach(FairnessStudent::close);
            }
        }
    }

    private double peak() throws IOException, InterruptedException {
        try (TeacherServer server = serve();
                GrpcConnections connections = connect(server)) {
            List<FairnessStudent> students = open(connections, WINDOW);
            try {
                LockSupport.parkNanos(SETTLING.toNanos());
                long before = answered(students);
                long start = System.nanoTime();
                pauseUntil(start + time.toNanos());
                return (answered(students) - before) * 1e9 / (System.nanoTime() - start);
            } finally {
                students.forEach(FairnessStudent::close);
            }
        }
    }

    private Result overload(TeacherServer server, List<FairnessStudent> students, double peak) {
        double perSecond = FACTOR * peak;
        ask(students, perSecond, maxQueue.plus(SETTLING)); // until its queue is as long as it gets
        long before = answered(students);
        long start = System.nanoTime();
        ask(students, perSecond, time);
        long end = System.nanoTime();
        double goodput = (answered(students) - before) * 1e9 / (end - start);
        pauseUntil(end + maxQueue.toNanos() + SETTLING.toNanos()); // for what was asked for in the end
        List<Long> waits = students.stream()
                .flatMap(student -> student.answers(start, end).stream())
                .map(FairnessStudent.Answer::nanos)
                .sorted()
                .toList();
        Timer forwards = server.registry().get("lyne.teacher.batch.duration").timer();
        double forwardMs = forwards.max(TimeUnit.MILLISECONDS);
        double p99 = waits.isEmpty() ? Double.NaN : waits.get((int) Math.ceil(0.99 * waits.size()) - 1) / 1e6;
        long refused = students.stream().mapToLong(FairnessStudent::refused).sum();
        long forGood =
                students.stream().mapToLong(FairnessStudent::refusedForGood).sum();
        return new Result(
                goodput / peak,
                peak,
                goodput,
                perSecond,
                p99,
                maxQueue.toMillis(),
                forwardMs,
                refused,
                forGood,
                goodput >= LEAST_GOODPUT * peak
                        && p99 <= maxQueue.toMillis() + forwardMs
                        && refused > 0
                        && forGood == 0);
    }

    private TeacherServer serve() throws IOException, InterruptedException {
        var teacher = new SyntheticTeacher(
                "synthetic",
                new SyntheticSettings(FairnessBenchmark.VOCABULARY, TOKENS, TOKENS_PER_SECOND, HALF_BATCH, 1),
                false);
        return TeacherServer.start(
                List.of(teacher),
                TeacherServerOptions.builder()
                        .batching(BatchOptions.of(BATCH_TOKENS, Duration.ofMillis(4))
                                .withMaxQueue(maxQueue))
                        .memoryCacheBytes(0)
                        .drainTimeout(Duration.ofSeconds(2))
                        .build());
    }

    private static GrpcConnections connect(TeacherServer server) {
        TeacherDialer dialer = TeacherDialer.open(TeacherSecurity.LOOPBACK);
        return new GrpcConnections(List.of("127.0.0.1:" + server.port()), STREAMS, 1, dialer::channel);
    }

    private static List<FairnessStudent> open(GrpcConnections connections, int window) throws InterruptedException {
        List<FairnessStudent> students = new ArrayList<>();
        for (int i = 0; i < STREAMS; i++) {
            FairnessStudent student = new FairnessStudent(window, TOKENS, i, true);
            student.open(connections, i, "student-" + i);
            students.add(student);
        }
        for (FairnessStudent student : students) {
            FairnessBenchmark.awaitOpen(student);
        }
        return students;
    }

    private static void ask(List<FairnessStudent> students, double perSecond, Duration howLong) {
        long start = System.nanoTime();
        for (int i = 0; i < perSecond * howLong.toNanos() / 1e9; i++) {
            long due = start + (long) (i * 1e9 / perSecond);
            pauseUntil(due);
            students.get(i % students.size()).ask(due);
        }
        pauseUntil(start + howLong.toNanos());
    }

    private static void pauseUntil(long nanos) {
        while (System.nanoTime() - nanos < 0) {
            LockSupport.parkNanos(nanos - System.nanoTime());
        }
    }

    private static long answered(List<FairnessStudent> students) {
        return students.stream().mapToLong(FairnessStudent::answered).sum();
    }
}
