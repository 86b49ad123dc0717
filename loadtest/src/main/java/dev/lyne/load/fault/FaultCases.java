package dev.lyne.load.fault;

import dev.lyne.client.TeacherDialer;
import dev.lyne.client.TeacherSecurity;
import dev.lyne.load.process.ServerFigures;
import dev.lyne.load.process.ServerProcess;
import dev.lyne.load.proxy.NetworkShape;
import dev.lyne.load.wire.MalformedCalls;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Cases of faults. Each passes where the fault cost time at most: every student that should end does, with all its targets and with
 * the weights of an undisturbed student, within the time that the case allows.
 */
public final class FaultCases {
    private static final double TIMEOUT_SECONDS = 300;

    /** Time that a server may take to start, and a student to find it: its pauses between attempts grow to ten seconds. */
    private static final double BACK_SECONDS = 20;

    /** Exit code of a process that ended after SIGTERM. */
    private static final int TERMINATED = 143;

    /** Outcome of a case. */
    public record Outcome(String name, boolean passed, double seconds, double secondsAlone, String reason) {}

    /** A case: the seconds that it took. */
    private interface Case {
        double run() throws Exception;
    }

    /** Why a case does not pass. */
    private static final class Fell extends Exception {
        private static final long serialVersionUID = 1;

        Fell(String message) {
            super(message);
        }
    }

    private final FaultBench bench;
    private final Function<Exception, String> describe;
    private final Map<String, Case> cases = new LinkedHashMap<>();

    /** Weights of a student that nothing disturbed, and how long it took; made when first wanted. */
    private byte @Nullable [] weights;

    private double secondsAlone;

    /** @param describe one line about what ended a case */
    public FaultCases(FaultBench bench, Function<Exception, String> describe) {
        this.bench = bench;
        this.describe = describe;
        cases.put("wedged-replica", this::wedgedReplica);
        cases.put("slow-replica", this::slowReplica);
        cases.put("hung-address", this::hungAddress);
        cases.put("suspended-student", this::suspendedStudent);
        cases.put("lost-teacher", this::lostTeacher);
        cases.put("non-protobuf", this::nonProtobuf);
        cases.put("out-of-memory", this::outOfMemory);
        cases.put("killed-mid-request", this::killedMidRequest);
        cases.put("killed-during-stream", this::killedDuringStream);
        cases.put("all-replicas-gone", this::allReplicasGone);
        cases.put("proxy-restarted", this::proxyRestarted);
        cases.put("scaled-to-zero", this::scaledToZero);
    }

    /** The cases there are, in order. */
    public static List<String> names() {
        return List.of(
                "wedged-replica",
                "slow-replica",
                "hung-address",
                "suspended-student",
                "lost-teacher",
                "non-protobuf",
                "out-of-memory",
                "killed-mid-request",
                "killed-during-stream",
                "all-replicas-gone",
                "proxy-restarted",
                "scaled-to-zero");
    }

    /** Runs a case. */
    public Outcome run(String name) throws IOException, InterruptedException {
        undisturbed();
        try {
            double seconds = Objects.requireNonNull(cases.get(name), name).run();
            return new Outcome(name, true, seconds, secondsAlone, "");
        } catch (InterruptedException e) {
            throw e;
        } catch (Exception e) {
            return new Outcome(name, false, 0, secondsAlone, describe.apply(e));
        }
    }

    private byte[] undisturbed() throws IOException, InterruptedException {
        if (weights == null) {
            try (ServerProcess teacher = bench.teacher("undisturbed-teacher");
                    FaultBench.Student student = bench.student(
                            "undisturbed", List.of(teacher.awaitReady().listening()))) {
                student.process().awaitSuccess();
                secondsAlone = student.seconds();
            }
            weights = bench.weights("undisturbed");
        }
        return weights;
    }

    /** Case of two replicas of which one stops computing, while its connection stays. */
    private double wedgedReplica() throws Exception {
        double stuck = bench.either(2, 20);
        try (ServerProcess healthy = bench.teacher("beside-wedged");
                ServerProcess wedged = bench.teacher("wedged", "stuck_after=500")) {
            ServerProcess.Ready ready = wedged.awaitReady();
            try (FaultBench.Student student = bench.student(
                    "of-wedged",
                    List.of(ready.listening(), healthy.awaitReady().listening()),
                    "--stuck-seconds",
                    Double.toString(stuck))) {
                double seconds = end(student);
                require(
                        ServerFigures.scrape(ready.metrics()).positionsScored() > 0,
                        "the replica that was to stand still was never asked");
                wedged.signal("KILL"); // it would drain for as long as it may
                return within(seconds, 1.1 * secondsAlone + 2 * stuck + 3);
            }
        }
    }

    /** Case of two replicas of which one is 20 times slower. */
    private double slowReplica() throws Exception {
        try (ServerProcess healthy = bench.teacher("beside-slow");
                ServerProcess slow = bench.teacher("slow", bench.rate() / 20, List.of());
                FaultBench.Student student = bench.student(
                        "of-slow",
                        List.of(
                                slow.awaitReady().listening(),
                                healthy.awaitReady().listening()))) {
            return within(end(student), 1.1 * secondsAlone);
        }
    }

    /** The first address takes a connection and never says a word. */
    private double hungAddress() throws Exception {
        try (ServerSocket hung = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                ServerProcess healthy = bench.teacher("beside-hung");
                FaultBench.Student student = bench.student(
                        "of-hung",
                        List.of(
                                "127.0.0.1:" + hung.getLocalPort(),
                                healthy.awaitReady().listening()))) {
            return within(end(student), 1.1 * secondsAlone + 2);
        }
    }

    /** A student that is stopped for longer than its `--retry-seconds`. */
    private double suspendedStudent() throws Exception {
        double retrySeconds = bench.either(6, 60);
        double asleep = bench.either(9, 90);
        try (ServerProcess teacher = bench.teacher("of-suspended-teacher");
                FaultBench.Student student = bench.student(
                        "suspended",
                        List.of(teacher.awaitReady().listening()),
                        "--retry-seconds",
                        Double.toString(retrySeconds))) {
            awaitSteps(student, 2);
            student.process().signal("STOP");
            TimeUnit.MILLISECONDS.sleep((long) (1e3 * asleep));
            student.process().signal("CONT");
            double seconds = end(student);
            requireSaid(student, "this process did not run for ");
            return within(seconds, 1.1 * secondsAlone + asleep + 3);
        }
    }

    /** The only teacher is killed for good; the run ends with its last step on file, and goes on from it beside another teacher. */
    private double lostTeacher() throws Exception {
        double seconds;
        try (ServerProcess teacher = bench.teacher("lost");
                FaultBench.Student student =
                        bench.student("of-lost", List.of(teacher.awaitReady().listening()), "--retry-seconds", "8")) {
            awaitSteps(student, 5);
            ProcessHandle.of(teacher.pid()).orElseThrow().destroyForcibly();
            require(student.process().awaitEnd(TIMEOUT_SECONDS) == 1, "it did not exit with 1");
            requireSaid(student, "no rows for 8 s");
            requireSaid(student, "checkpoint written before the end");
            seconds = student.seconds();
        }
        require(bench.checkpoints("of-lost").size() == 1, "checkpoints: " + bench.checkpoints("of-lost"));
        try (ServerProcess teacher = bench.teacher("after-lost");
                FaultBench.Student student =
                        bench.student("of-lost", List.of(teacher.awaitReady().listening()))) {
            return within(seconds + end(student), 1.1 * secondsAlone + 10);
        }
    }

    /** Streams of bytes that are no messages, beside a student. */
    private double nonProtobuf() throws Exception {
        int streams = (int) bench.either(200, 1_000);
        try (ServerProcess teacher = bench.teacher("of-junk")) {
            ServerProcess.Ready ready = teacher.awaitReady();
            double seconds;
            try (FaultBench.Student student = bench.student("beside-junk", List.of(ready.listening()))) {
                awaitSteps(student, 2);
                ManagedChannel channel = TeacherDialer.open(TeacherSecurity.LOOPBACK)
                        .channel(ready.listening())
                        .build();
                try {
                    Map<Status.Code, Integer> ends = MalformedCalls.end(channel, streams);
                    require(ends.equals(Map.of(Status.Code.INVALID_ARGUMENT, streams)), "calls ended by " + ends);
                } finally {
                    channel.shutdownNow();
                }
                seconds = end(student);
            }
            for (String gauge :
                    List.of("lyne_teacher_streams", "lyne_teacher_sequences_in_flight", "lyne_teacher_unsent_bytes")) {
                awaitZero(ready.metrics(), gauge);
            }
            return within(seconds, 1.1 * secondsAlone + 3);
        }
    }

    /** A server that could never hold what it is given to hold, and a student whose heap is too small. */
    private double outOfMemory() throws Exception {
        try (ServerProcess teacher = bench.teacher("greedy", bench.rate(), List.of("--cache-mib", "100000"))) {
            require(teacher.awaitEnd(TIMEOUT_SECONDS) == 2, "a cache beyond the heap was not refused with exit code 2");
        }
        try (ServerProcess teacher = bench.teacher("of-short")) {
            String address = teacher.awaitReady().listening();
            try (FaultBench.Student student = bench.student("short", "14m", List.of(address))) {
                int code = student.process().awaitEnd(TIMEOUT_SECONDS);
                require(code == 3, "a student without memory exited with " + code + " (expected: 3)");
            }
            try (FaultBench.Student student = bench.student("short", List.of(address))) {
                return within(end(student), 1.1 * secondsAlone + 3);
            }
        }
    }

    /** The only replica is killed while it computes what was asked of it, and comes back. */
    private double killedMidRequest() throws Exception {
        double away = bench.either(1, 5);
        try (ReplicaProcess replica = open("mid-request");
                FaultBench.Student student = bench.student("of-mid-request", List.of(replica.address()))) {
            awaitSteps(student, 2);
            await(
                    () -> ServerFigures.gauge(replica.metrics(), "lyne_teacher_sequences_in_flight") > 0,
                    "nothing was asked of it");
            replica.signal("KILL");
            comeBack(away, replica);
            return within(end(student), 1.1 * secondsAlone + away + BACK_SECONDS);
        }
    }

    /** Case of two replicas of which one is killed while its rows are on their way. */
    private double killedDuringStream() throws Exception {
        try (ReplicaProcess one = open("during-stream");
                ReplicaProcess other = open("beside-stream");
                FaultBench.Student student = bench.student("of-stream", List.of(one.address(), other.address()))) {
            awaitSteps(student, 2);
            one.proxy().shape(new NetworkShape(0, 5_000)); // so that a block takes a while to pass
            long before = one.proxy().bytesFromTarget();
            await(() -> one.proxy().bytesFromTarget() > before, "no rows were on their way");
            one.signal("KILL");
            one.proxy().reset();
            return within(end(student), 1.1 * secondsAlone + 5);
        }
    }

    /** All replicas are killed at once, and come back. */
    private double allReplicasGone() throws Exception {
        double away = bench.either(2, 20);
        try (ReplicaProcess one = open("gone");
                ReplicaProcess other = open("gone-too");
                FaultBench.Student student = bench.student("of-gone", List.of(one.address(), other.address()))) {
            awaitSteps(student, 2);
            one.signal("KILL");
            other.signal("KILL");
            comeBack(away, one, other);
            return within(end(student), 1.1 * secondsAlone + away + BACK_SECONDS);
        }
    }

    /** Case of a proxy between student and server that ends with all connections, three times, and starts again. */
    private double proxyRestarted() throws Exception {
        try (ReplicaProcess replica = open("behind-proxy");
                FaultBench.Student student = bench.student("of-proxy", List.of(replica.address()))) {
            for (int i = 1; i <= 3; i++) {
                awaitSteps(student, 2 * i);
                replica.proxy().pause();
                TimeUnit.MILLISECONDS.sleep(500);
                replica.proxy().resume();
            }
            return within(end(student), 1.1 * secondsAlone + 10);
        }
    }

    /** All replicas are told to end while they are asked, drain, and come back after a while. */
    private double scaledToZero() throws Exception {
        double away = bench.either(2, 30);
        try (ReplicaProcess one = open("scaled");
                ReplicaProcess other = open("scaled-too");
                FaultBench.Student student = bench.student("of-scaled", List.of(one.address(), other.address()))) {
            awaitSteps(student, 2);
            for (ReplicaProcess replica : List.of(one, other)) {
                replica.signal("TERM");
            }
            for (ReplicaProcess replica : List.of(one, other)) {
                int code = replica.awaitEnd(TIMEOUT_SECONDS);
                require(code == TERMINATED, "a drained server exited with " + code + " (expected: " + TERMINATED + ")");
            }
            comeBack(away, one, other);
            return within(end(student), 1.1 * secondsAlone + away + BACK_SECONDS);
        }
    }

    private ReplicaProcess open(String name) throws IOException {
        ReplicaProcess replica = new ReplicaProcess(life -> bench.replica(name + "-life-" + life, 1, List.of()));
        try {
            replica.open();
            return replica;
        } catch (IOException | RuntimeException e) {
            replica.close();
            throw e;
        }
    }

    private static void comeBack(double seconds, ReplicaProcess... replicas) throws Exception {
        TimeUnit.MILLISECONDS.sleep((long) (1e3 * seconds));
        for (ReplicaProcess replica : replicas) {
            replica.revive();
        }
    }

    /** Waits for the end of a student, which must be a good one. */
    private double end(FaultBench.Student student) throws Exception {
        int code = student.process().awaitEnd(TIMEOUT_SECONDS + secondsAlone);
        double seconds = student.seconds();
        require(
                code == 0,
                student.name() + " exited with " + code + " (expected: 0); see " + bench.log(student.name()));
        require(bench.coverage(student.name()).orElse(0) == 1, "coverage: " + bench.coverage(student.name()));
        require(Arrays.equals(bench.weights(student.name()), undisturbed()), student.name() + " has other weights");
        return seconds;
    }

    private void requireSaid(FaultBench.Student student, String line) throws Exception {
        Path log = bench.log(student.name());
        require(Files.readString(log).contains(line), log + " does not say: " + line);
    }

    /**
     * Returns the seconds, and fails where they are more than allowed. In the short form times are told, not judged:
     * it runs beside other work.
     */
    private double within(double seconds, double allowed) throws Fell {
        require(
                bench.brief() || seconds <= allowed,
                String.format("took %.1f s (expected: at most %.1f)", seconds, allowed));
        return seconds;
    }

    private void awaitSteps(FaultBench.Student student, int steps) throws Exception {
        await(
                () -> bench.stepsTaken(student.name()) >= steps
                        || !student.process().isAlive(),
                "no steps");
        require(student.process().isAlive(), student.name() + " ended early; see " + bench.log(student.name()));
    }

    private static void awaitZero(String metrics, String gauge) throws Exception {
        await(() -> ServerFigures.gauge(metrics, gauge) == 0, gauge + " did not return to 0");
    }

    private static void await(Callable<Boolean> reached, String otherwise) throws Exception {
        long last = System.nanoTime() + (long) (TIMEOUT_SECONDS * 1e9);
        while (!reached.call()) {
            require(System.nanoTime() < last, otherwise);
            TimeUnit.MILLISECONDS.sleep(20);
        }
    }

    private static void require(boolean holds, String reason) throws Fell {
        if (!holds) {
            throw new Fell(reason);
        }
    }
}
