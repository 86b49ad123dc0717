package dev.lyne.load.bench;

import dev.lyne.client.TeacherDialer;
import dev.lyne.client.TeacherSecurity;
import dev.lyne.load.process.Directories;
import dev.lyne.load.wire.GrpcConnections;
import dev.lyne.teacher.access.ServerSecurity;
import dev.lyne.teacher.access.TokenFile;
import dev.lyne.teacher.access.TokenFile.Grant;
import dev.lyne.teacher.batch.BatchOptions;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import dev.lyne.teacher.synthetic.SyntheticSettings;
import dev.lyne.teacher.synthetic.SyntheticTeacher;
import dev.lyne.wire.access.AccessToken;
import io.micrometer.core.instrument.Timer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * Benchmark of what a modest student keeps beside greedy streams: of another tenant, and of its own. A real server over
 * real connections, with a synthetic teacher, whose forwards take a fixed time a token; each figure of a server of its
 * own.
 */
public final class FairnessBenchmark {
    static final int VOCABULARY = 4_096;

    private static final int TOKENS = 256;
    private static final double TOKENS_PER_SECOND = 20_000;
    private static final double HALF_BATCH = 100;
    private static final int BATCH_TOKENS = 8_192;
    private static final int GREEDY_WINDOW = 200;
    private static final int OPEN_LOOP_FACTOR = 3;
    private static final Duration UNCUT = Duration.ofDays(1);
    private static final Duration LAST_ANSWERS = Duration.ofSeconds(2);
    private static final Duration SETTLING = Duration.ofMillis(1_500);

    private static final double LEAST_OVER_FAIR = 0.9;
    private static final double LEAST_OPEN_LOOP = 0.98;
    private static final double LEAST_OVER_UNCUT = 0.9;

    private final Duration fairBatch;
    private final Duration time;
    private final Consumer<String> progress;

    /**
     * A case.
     *
     * @param between {@code tenants}, or {@code streams} of one
     * @param load {@code closed}: the modest student has a window in flight; {@code open}: it asks at random times, a quarter of its share
     * @param window sequences that the modest student has in flight; 0 in an open loop
     * @param greedyStreams streams beside it, each with 200 sequences in flight
     * @param modestOverAlone sequences a second beside them over those without; in an open loop, over those that it asks for
     * @param modestOverFair over what a simulated schedule that is fair to the last token gives it, with the same forwards; in an open loop,
     *     over what it asks for
     * @param p99OverAlone 99th percentile of the time to an answer, over that without them
     * @param p99Millis that time
     * @param p99AloneMillis that time without them
     * @param forwardMs mean time of a forward beside them
     * @param totalOverUncut tokens a second of all, over those of a server that cuts no forwards
     * @param holds whether all of it is within the bounds
     */
    public record Row(
            String between,
            String load,
            int window,
            int greedyStreams,
            double modestOverAlone,
            double modestOverFair,
            double p99OverAlone,
            double p99Millis,
            double p99AloneMillis,
            double forwardMs,
            double totalOverUncut,
            boolean holds) {}

    /**
     * Figures that were measured.
     *
     * @param holds whether every row is within the bounds
     */
    public record Result(List<Row> rows, double fairBatchMillis, int tokens, double seconds, boolean holds) {}

    /**
     * A benchmark.
     *
     * @param fairBatch longest forward while several wait
     * @param time that each figure is taken over, three times that in an open loop
     */
    public FairnessBenchmark(Duration fairBatch, Duration time, Consumer<String> progress) {
        this.fairBatch = fairBatch;
        this.time = time;
        this.progress = progress;
    }

    /** Counts of what happened while figures were taken. */
    private record Taken(
            double modestPerSecond,
            double askedPerSecond,
            double tokensPerSecond,
            double p99Nanos,
            double forwardSeconds) {}

    /** Runs all cases. */
    public Result run() throws IOException, InterruptedException {
        Path scratch = Files.createTempDirectory("lyne-bench-fairness");
        try {
            List<Row> rows = new ArrayList<>();
            for (int window : new int[] {1, 8, 0}) {
                Taken alone = take(scratch, false, window, 0, fairBatch);
                for (int greedy : new int[] {1, 4}) {
                    Taken uncut = take(scratch, false, window, greedy, UNCUT);
                    for (boolean oneTenant : new boolean[] {false, true}) {
                        Row row = row(
                                take(scratch, oneTenant, window, greedy, fairBatch),
                                alone,
                                uncut,
                                window,
                                greedy,
                                oneTenant);
                        rows.add(row);
                        progress.accept(String.format(
                                "%s, window %d beside %d: %.3f of alone, %.3f of fair, p99 %.0f ms (%.0f alone), forwards of"
                                        + " %.0f ms, %.3f of uncut%s",
                                row.between(),
                                window,
                                greedy,
                                row.modestOverAlone(),
                                row.modestOverFair(),
                                row.p99Millis(),
                                row.p99AloneMillis(),
                                row.forwardMs(),
                                row.totalOverUncut(),
                                row.holds() ? "" : ": falls short"));
                    }
                }
            }
            return new Result(
                    rows,
                    fairBatch.toNanos() / 1e6,
                    TOKENS,
                    time.toMillis() / 1e3,
                    rows.stream().allMatch(Row::holds));
        } finally {
            Directories.delete(scratch);
        }
    }

    private Row row(Taken beside, Taken alone, Taken uncut, int window, int greedy, boolean oneTenant) {
        double overAlone = beside.modestPerSecond() / (window == 0 ? beside.askedPerSecond() : alone.modestPerSecond());
        double fair = window == 0
                ? beside.askedPerSecond()
                : FairSchedule.firstPerSecond(windows(window, greedy, oneTenant), perForward(), forwardSeconds());
        double overFair = beside.modestPerSecond() / fair;
        double overUncut = beside.tokensPerSecond() / uncut.tokensPerSecond();
        boolean holds = overUncut >= LEAST_OVER_UNCUT
                && (window == 0
                        ? overAlone >= LEAST_OPEN_LOOP
                                && beside.p99Nanos() <= alone.p99Nanos() + 2.0 * fairBatch.toNanos()
                        : overFair >= LEAST_OVER_FAIR);
        return new Row(
                oneTenant ? "streams" : "tenants",
                window == 0 ? "open" : "closed",
                window,
                greedy,
                overAlone,
                overFair,
                beside.p99Nanos() / alone.p99Nanos(),
                beside.p99Nanos() / 1e6,
                alone.p99Nanos() / 1e6,
                beside.forwardSeconds() * 1e3,
                overUncut,
                holds);
    }

    /** Sequences that fit into a forward of the bound. */
    private int perForward() {
        double fitting = (fairBatch.toNanos() / 1e9 * TOKENS_PER_SECOND - HALF_BATCH) / TOKENS;
        return (int) Math.max(1, Math.min(fitting, BATCH_TOKENS / (double) TOKENS));
    }

    private double forwardSeconds() {
        return (perForward() * TOKENS + HALF_BATCH) / TOKENS_PER_SECOND;
    }

    private static List<List<Integer>> windows(int window, int greedy, boolean oneTenant) {
        List<Integer> others = Collections.nCopies(greedy, GREEDY_WINDOW);
        if (oneTenant) {
            List<Integer> all = new ArrayList<>(List.of(window));
            all.addAll(others);
            return List.of(all);
        }
        return List.of(List.of(window), others);
    }

    private Taken take(Path scratch, boolean oneTenant, int window, int greedy, Duration longest)
            throws IOException, InterruptedException {
        Path known = Files.createTempDirectory(scratch, "case").resolve("tokens");
        TeacherSecurity modest = newToken(known, "modest");
        TeacherSecurity others = oneTenant ? modest : newToken(known, "greedy");
        var teacher = new SyntheticTeacher(
                "synthetic", new SyntheticSettings(VOCABULARY, TOKENS, TOKENS_PER_SECOND, HALF_BATCH, 1), false);
        TeacherServerOptions options = TeacherServerOptions.builder()
                .security(new ServerSecurity(Optional.empty(), Optional.of(known), false))
                .batching(BatchOptions.of(BATCH_TOKENS, Duration.ofMillis(4))
                        .withFairBatch(longest)
                        .withMaxQueue(Duration.ofHours(1))) // shares are measured here, not what is turned away
                .memoryCacheBytes(0)
                .drainTimeout(Duration.ofSeconds(2))
                .build();
        try (TeacherServer server = TeacherServer.start(List.of(teacher), options);
                GrpcConnections mine = connect(server, modest, 1);
                GrpcConnections theirs = connect(server, others, Math.max(1, greedy))) {
            List<FairnessStudent> students = new ArrayList<>();
            for (int i = 0; i < greedy; i++) {
                FairnessStudent student = new FairnessStudent(GREEDY_WINDOW, TOKENS, 100 + i);
                student.open(theirs, i, "greedy-" + i);
                students.add(student);
            }
            FairnessStudent student = new FairnessStudent(window, TOKENS, 1);
            student.open(mine, 0, "modest");
            students.add(student);
            try {
                return window == 0
                        ? openLoop(server, student, students, share(greedy, oneTenant))
                        : closedLoop(server, student, students);
            } finally {
                students.forEach(FairnessStudent::close);
            }
        }
    }

    private static TeacherSecurity newToken(Path known, String tenant) throws IOException {
        AccessToken token = AccessToken.random(tenant, new SecureRandom());
        TokenFile.add(known, Grant.of(tenant, "never", List.of(), "training"), token);
        return TeacherSecurity.LOOPBACK.withTokenFile(
                Files.writeString(known.resolveSibling(tenant), token.text() + "\n"));
    }

    private static GrpcConnections connect(TeacherServer server, TeacherSecurity security, int streams) {
        TeacherDialer dialer = TeacherDialer.open(security);
        return new GrpcConnections(List.of("127.0.0.1:" + server.port()), streams, 1, dialer::channel);
    }

    /** Sequences a second that are the modest student's, where all ask for more than theirs. */
    private double share(int greedy, boolean oneTenant) {
        return perForward() / forwardSeconds() / (oneTenant ? 1 + greedy : 2);
    }

    private Taken closedLoop(TeacherServer server, FairnessStudent modest, List<FairnessStudent> all)
            throws InterruptedException {
        awaitOpen(modest);
        TimeUnit.NANOSECONDS.sleep(SETTLING.toNanos());
        return taken(server, modest, all, () -> pauseUntil(System.nanoTime() + time.toNanos()));
    }

    private Taken openLoop(TeacherServer server, FairnessStudent modest, List<FairnessStudent> all, double share)
            throws InterruptedException {
        awaitOpen(modest);
        Random random = new Random(5);
        double perSecond = share / 4;
        ask(modest, random, perSecond, SETTLING);
        return taken(server, modest, all, () -> ask(modest, random, perSecond, time.multipliedBy(OPEN_LOOP_FACTOR)));
    }

    static void awaitOpen(FairnessStudent student) throws InterruptedException {
        long start = System.nanoTime();
        while (!student.isOpen()) {
            if (System.nanoTime() - start > TimeUnit.SECONDS.toNanos(30)) {
                throw new IllegalStateException("a stream did not open (expected: within 30 s)");
            }
            long unusedAnswered = student.answered(); // says so where it failed
            TimeUnit.MILLISECONDS.sleep(5);
        }
    }

    /** Asks at random times, whatever became of what was asked before. */
    private static void ask(FairnessStudent modest, Random random, double perSecond, Duration howLong) {
        long due = System.nanoTime();
        long end = due + howLong.toNanos();
        while (true) {
            due += (long) (-Math.log(1 - random.nextDouble()) / perSecond * 1e9);
            if (due - end >= 0) {
                pauseUntil(end);
                return;
            }
            pauseUntil(due);
            modest.ask(due);
        }
    }

    private static void pauseUntil(long nanos) {
        while (System.nanoTime() - nanos < 0) {
            LockSupport.parkNanos(nanos - System.nanoTime());
        }
    }

    private static Taken taken(
            TeacherServer server, FairnessStudent modest, List<FairnessStudent> all, Runnable meanwhile) {
        Timer forwards = server.registry().get("lyne.teacher.batch.duration").timer();
        long before = sum(all);
        long askedBefore = modest.asked();
        double forwardsBefore = forwards.totalTime(TimeUnit.SECONDS);
        long countBefore = forwards.count();
        long start = System.nanoTime();
        meanwhile.run();
        long end = System.nanoTime();
        double seconds = (end - start) / 1e9;
        long asked = modest.asked() - askedBefore;
        double total = (sum(all) - before) * TOKENS / seconds;
        double forwardSeconds =
                (forwards.totalTime(TimeUnit.SECONDS) - forwardsBefore) / Math.max(1, forwards.count() - countBefore);
        pauseUntil(end + LAST_ANSWERS.toNanos()); // to what was asked for in the end
        List<FairnessStudent.Answer> answers = modest.answers(start, end);
        List<Long> waits =
                answers.stream().map(FairnessStudent.Answer::nanos).sorted().toList();
        return new Taken(
                answers.size() / seconds,
                asked / seconds,
                total,
                waits.isEmpty() ? Double.NaN : waits.get((int) Math.ceil(0.99 * waits.size()) - 1),
                forwardSeconds);
    }

    private static long sum(List<FairnessStudent> students) {
        return students.stream().mapToLong(FairnessStudent::answered).sum();
    }
}
