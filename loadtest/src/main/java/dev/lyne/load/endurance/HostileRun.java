package dev.lyne.load.endurance;

import dev.lyne.client.TeacherDialer;
import dev.lyne.client.TeacherSecurity;
import dev.lyne.load.audit.RowAudit;
import dev.lyne.load.process.ProcessFigures;
import dev.lyne.load.process.ServerProcess;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * A server in a process of its own, and clients that send it mutated messages, frames of HTTP/2 and requests of its HTTP door, beside one
 * that behaves and compares every row.
 */
public final class HostileRun {
    private static final int THREADS_OF_EACH = 2;
    private static final int MESSAGES_AT_ONCE = 512;
    private static final int SENDS_A_CONNECTION = 20;
    private static final int SECONDS_A_LINE = 5;

    /** Resident memory under abuse over that before: with the heap touched, what may come are buffers of connections and compiled code. */
    private static final double MOST_GROWTH = 1.3;

    /** Share of the calls whose messages the server must have read, to say what is wrong with them. */
    private static final double LEAST_READ = 0.5;

    /** Lines of a kind that may come at once, beyond one a second: what opens and ends with a line each. */
    private static final long LINES_AT_ONCE = 64;

    private final long count;
    private final long seed;
    private final Path scratch;
    private final Consumer<String> progress;
    private final AtomicLong messages = new AtomicLong();
    private final AtomicLong frames = new AtomicLong();
    private final AtomicLong requests = new AtomicLong();
    private final Map<Status.Code, Long> ends = new TreeMap<>(); // guarded by itself

    /**
     * Findings of a run.
     *
     * @param messages mutated messages sent
     * @param frames mutated frames sent
     * @param httpRequests mutated requests sent to the HTTP door
     * @param alive whether the server was there at the end, and served
     * @param ends of calls with mutated messages, by status
     * @param residentMibBefore memory before the first of them
     * @param residentMibPeak most memory meanwhile
     * @param logLines of the server's log by kind
     */
    public record Result(
            long seed,
            long messages,
            long frames,
            long httpRequests,
            double seconds,
            boolean alive,
            Map<Status.Code, Long> ends,
            RowAudit.Counts audit,
            double residentMibBefore,
            double residentMibPeak,
            Map<String, Long> logLines,
            List<String> shortfalls) {
        /** Whether all is as it must be. */
        public boolean holds() {
            return shortfalls.isEmpty();
        }
    }

    /** @param count messages and frames together; a tenth as many requests of HTTP/1.1 come to them */
    public HostileRun(long count, long seed, Path scratch, Consumer<String> progress) {
        this.count = count;
        this.seed = seed;
        this.scratch = scratch;
        this.progress = progress;
    }

    /** Runs it. */
    public Result run() throws Exception {
        Path log = scratch.resolve("server.log");
        try (ServerProcess server = ServerProcess.startTouched(
                log,
                "demo",
                SoakRun.HEAP_MIB,
                List.of("--threads", "1", "--deterministic", "--cache-mib", "32", "--http", "127.0.0.1:0"))) {
            ServerProcess.Ready ready = server.awaitReady();
            String address = ready.listening();
            try (RowAudit audit = RowAudit.begin(List.of(address), List.of(address))) {
                TimeUnit.SECONDS.sleep(1);
                long before = ProcessFigures.of(server.pid()).residentBytes();
                long start = System.nanoTime();
                long peak = abuse(server, ready, audit);
                double seconds = (System.nanoTime() - start) / 1e9;
                long rows = audit.counts().rows();
                for (int second = 0; second < 60 && audit.counts().rows() == rows; second++) {
                    TimeUnit.SECONDS.sleep(1); // somebody who behaves is served to the end
                }
                boolean alive = server.isAlive() && audit.counts().rows() > rows;
                return judge(seconds, alive, audit.total(), new long[] {before, peak}, Files.readAllLines(log));
            }
        }
    }

    /** Sends all of it from several threads. Returns the most memory that the server had. */
    private long abuse(ServerProcess server, ServerProcess.Ready ready, RowAudit audit) throws Exception {
        SplittableRandom random = new SplittableRandom(seed);
        InetSocketAddress http = http(ready);
        ExecutorService threads = Executors.newFixedThreadPool(2 * THREADS_OF_EACH + 1);
        try {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < THREADS_OF_EACH; i++) {
                var calls = new MutatedMessages(random.nextLong());
                all.add(threads.submit(until(messages, count / 2, () -> sendMessages(calls, ready.listening()))));
                var abuse = new Abuse(random.nextLong());
                all.add(threads.submit(until(frames, count - count / 2, () -> abuse.frames(ready.address()))));
            }
            var door = new Abuse(random.nextLong());
            all.add(threads.submit(until(requests, count / 10, () -> door.requests(http))));
            long peak = 0;
            int second = 0;
            while (!all.stream().allMatch(Future::isDone)) {
                TimeUnit.SECONDS.sleep(1);
                if (!server.isAlive()) {
                    return peak;
                }
                peak = Math.max(peak, ProcessFigures.of(server.pid()).residentBytes());
                if (++second % SECONDS_A_LINE == 0) {
                    progress.accept(String.format(
                            "%d s: %,d messages, %,d frames, %,d requests; resident %,d MiB at most, %,d rows compared",
                            second,
                            messages.get(),
                            frames.get(),
                            requests.get(),
                            peak >> 20,
                            audit.counts().rows()));
                }
            }
            for (Future<?> each : all) {
                Object unused = each.get(); // throws what ended it
            }
            return peak;
        } finally {
            threads.shutdownNow();
        }
    }

    private static InetSocketAddress http(ServerProcess.Ready ready) {
        String address = ready.http().orElseThrow();
        int colon = address.lastIndexOf(':');
        return new InetSocketAddress(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
    }

    /** Goes on until so many are sent by all threads together. */
    private static Callable<Void> until(AtomicLong sent, long wanted, Callable<Integer> send) {
        return () -> {
            while (sent.get() < wanted) {
                sent.addAndGet(send.call());
            }
            return null;
        };
    }

    private int sendMessages(MutatedMessages calls, String address) throws InterruptedException {
        ManagedChannel channel =
                TeacherDialer.open(TeacherSecurity.LOOPBACK).channel(address).build();
        int sent = 0;
        try {
            for (int i = 0; i < SENDS_A_CONNECTION && messages.get() + sent < count / 2; i++) {
                MutatedMessages.Sent some =
                        calls.send(channel, (int) Math.max(1, Math.min(MESSAGES_AT_ONCE, count / 2 - messages.get())));
                sent += (int) some.messages();
                synchronized (ends) {
                    some.ends().forEach((code, times) -> ends.merge(code, times, Long::sum));
                }
            }
            return sent;
        } finally {
            channel.shutdownNow();
        }
    }

    private Result judge(double seconds, boolean alive, RowAudit.Counts audited, long[] resident, List<String> log) {
        LogKinds kinds = LogKinds.of(log);
        List<String> shortfalls = new ArrayList<>();
        require(alive, "the server does not serve any more", shortfalls);
        require(
                audited.rows() > 0 && audited.wrongRows() == 0,
                audited.wrongRows() + " wrong rows of " + audited.rows() + " (expected: 0 of at least 1)",
                shortfalls);
        require(
                resident[1] <= MOST_GROWTH * resident[0],
                String.format(
                        "resident memory: %,d MiB, %,d before (expected: at most %.1f times as much)",
                        resident[1] >> 20, resident[0] >> 20, MOST_GROWTH),
                shortfalls);
        kinds.lines()
                .forEach((kind, lines) -> require(
                        lines <= seconds + LINES_AT_ONCE,
                        kind + ": " + lines + " lines in " + Math.round(seconds)
                                + " s (expected: at most one a second, and " + LINES_AT_ONCE + " at once)",
                        shortfalls));
        require(kinds.errors().isEmpty(), "defects in the log: " + kinds.errors(), shortfalls);
        synchronized (ends) {
            long all = ends.values().stream().mapToLong(Long::longValue).sum();
            long read = ends.getOrDefault(Status.Code.INVALID_ARGUMENT, 0L);
            require(
                    read >= LEAST_READ * all,
                    read + " of " + all
                            + " calls ended with INVALID_ARGUMENT (expected: at least half, whose messages the"
                            + " server has read): " + ends,
                    shortfalls);
            for (Status.Code defect : List.of(Status.Code.INTERNAL, Status.Code.UNKNOWN)) {
                require(
                        !ends.containsKey(defect),
                        ends.get(defect) + " calls ended with " + defect + " (expected: none)",
                        shortfalls);
            }
            return new Result(
                    seed,
                    messages.get(),
                    frames.get(),
                    requests.get(),
                    seconds,
                    alive,
                    new TreeMap<>(ends),
                    audited,
                    resident[0] / 1048576.0,
                    resident[1] / 1048576.0,
                    kinds.lines(),
                    shortfalls);
        }
    }

    private static void require(boolean holds, String otherwise, List<String> shortfalls) {
        if (!holds) {
            shortfalls.add(otherwise);
        }
    }
}
