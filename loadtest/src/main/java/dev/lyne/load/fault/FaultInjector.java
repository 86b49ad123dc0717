package dev.lyne.load.fault;

import dev.lyne.load.process.RedisProcess;
import dev.lyne.load.process.ServerFigures;
import dev.lyne.load.process.Signals;
import dev.lyne.load.proxy.NetworkProxy;
import dev.lyne.load.proxy.NetworkShape;
import dev.lyne.load.proxy.ProxyCounts;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.ToLongFunction;
import java.util.stream.IntStream;

/** Lets faults strike, and finds out whether anybody noticed: by the proxy's counts, the servers' metrics and the students' steps. */
final class FaultInjector {
    private static final long SLOW_NANOS_LEAST = 50_000_000;
    private static final long SLOW_NANOS_MORE = 400_000_000;
    private static final double NARROW_BYTES = 20_000;

    private final List<ReplicaProcess> replicas;
    private final List<ChaosStudent> students;
    private final RedisProcess redis;
    private boolean redisIsAway;

    FaultInjector(List<ReplicaProcess> replicas, List<ChaosStudent> students, RedisProcess redis) {
        this.replicas = replicas;
        this.students = students;
        this.redis = redis;
    }

    /** Lets a fault strike; empty where it may not or cannot: what it would strike is not there, or is the last that serves. */
    Optional<Injection> strike(Fault fault) throws IOException, InterruptedException {
        return switch (fault.kind().strikes()) {
            case NETWORK ->
                Optional.of(network(fault, replicas.get(fault.target()).proxy()));
            case SERVER -> server(fault, replicas.get(fault.target()));
            case STUDENT -> student(fault, students.get(fault.target()));
            case REDIS -> redis(fault);
        };
    }

    private static Injection network(Fault fault, NetworkProxy proxy) {
        ProxyCounts before = proxy.counts();
        switch (fault.kind()) {
            case DELAY -> {
                proxy.shape(new NetworkShape(
                        SLOW_NANOS_LEAST + (long) (SLOW_NANOS_MORE * fault.draw()), Double.POSITIVE_INFINITY));
                return shaped(proxy, before);
            }
            case THROTTLE -> {
                proxy.shape(new NetworkShape(0, NARROW_BYTES * (1 + fault.draw())));
                return shaped(proxy, before);
            }
            case DROP -> {
                proxy.silence();
                return Injection.noticed(() -> grew(proxy, before, ProxyCounts::swallowed));
            }
            case RESET -> {
                proxy.reset();
                return Injection.noticed(() -> grew(proxy, before, ProxyCounts::ended));
            }
            case TRUNCATE -> {
                proxy.cutNext();
                return armed(proxy, before, ProxyCounts::cut);
            }
            case CORRUPT -> {
                boolean toTarget = fault.draw() < 0.3;
                proxy.flipNext((fault.draw() * 997) % 1, toTarget);
                return armed(proxy, before, ProxyCounts::changed);
            }
            case PROXY_RESTART -> {
                proxy.pause();
                return () -> {
                    proxy.resume();
                    return grew(proxy, before, ProxyCounts::ended);
                };
            }
            default -> throw new IllegalArgumentException(fault.kind() + " (expected: a fault of the network)");
        }
    }

    private static Injection shaped(NetworkProxy proxy, ProxyCounts before) {
        return () -> {
            proxy.shape(ReplicaProcess.FREE);
            return grew(proxy, before, ProxyCounts::bytes);
        };
    }

    private static Injection armed(NetworkProxy proxy, ProxyCounts before, ToLongFunction<ProxyCounts> count) {
        return () -> {
            proxy.standDown();
            return grew(proxy, before, count);
        };
    }

    private static boolean grew(NetworkProxy proxy, ProxyCounts before, ToLongFunction<ProxyCounts> count) {
        return count.applyAsLong(proxy.counts()) > count.applyAsLong(before);
    }

    private Optional<Injection> server(Fault fault, ReplicaProcess replica) throws IOException, InterruptedException {
        if (!replica.serves()) {
            return Optional.empty();
        }
        ProxyCounts before = replica.proxy().counts();
        long pid = replica.pid();
        switch (fault.kind()) {
            case KILL_SERVER -> {
                if (!anotherServes(replica)) {
                    return Optional.empty();
                }
                replica.signal("KILL");
                return Optional.of(() -> {
                    replica.revive();
                    return grew(replica.proxy(), before, ProxyCounts::ended);
                });
            }
            case STOP_SERVER -> {
                replica.signal("STOP");
                return Optional.of(() -> {
                    boolean silent = !replica.serves();
                    if (alive(pid)) {
                        replica.signal("CONT");
                    }
                    return silent && before.standing() > 0;
                });
            }
            case SERVER_DISK_FULL -> {
                double errors = tierErrors(replica, "disk");
                Signals.fillDisk(pid);
                return Optional.of(() -> {
                    boolean noticed = replica.serves() && tierErrors(replica, "disk") > errors;
                    if (alive(pid)) {
                        Signals.makeRoom(pid);
                    }
                    return noticed;
                });
            }
            default -> throw new IllegalArgumentException(fault.kind() + " (expected: a fault of a server)");
        }
    }

    private boolean anotherServes(ReplicaProcess replica) throws InterruptedException {
        for (ReplicaProcess other : replicas) {
            if (other != replica && other.serves()) {
                return true;
            }
        }
        return false;
    }

    private static Optional<Injection> student(Fault fault, ChaosStudent student)
            throws IOException, InterruptedException {
        if (!student.trains()) {
            return Optional.empty();
        }
        long steps = student.steps();
        long pid = student.pid();
        switch (fault.kind()) {
            case KILL_STUDENT -> {
                student.stayAway(fault.lastsMillis());
                student.signal("KILL");
                return Optional.of(Injection.noticed(() -> true));
            }
            case STOP_STUDENT -> {
                student.signal("STOP");
                return Optional.of(() -> {
                    boolean stalled = student.steps() <= steps + 1; // one may have been on its way to the file
                    if (alive(pid)) {
                        student.signal("CONT");
                    }
                    return stalled;
                });
            }
            case STUDENT_DISK_FULL -> {
                student.diskIsFull(true);
                Signals.fillDisk(pid);
                return Optional.of(new Injection() {
                    @Override
                    public boolean isOver() {
                        return !alive(pid);
                    }

                    @Override
                    public boolean end() throws IOException, InterruptedException {
                        boolean alive = alive(pid);
                        boolean ended = !alive && student.hasFailed();
                        if (alive) {
                            Signals.makeRoom(pid);
                        }
                        student.diskIsFull(false);
                        return ended;
                    }
                });
            }
            default -> throw new IllegalArgumentException(fault.kind() + " (expected: a fault of a student)");
        }
    }

    private static boolean alive(long pid) {
        return ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false);
    }

    private Optional<Injection> redis(Fault fault) throws IOException, InterruptedException {
        if (redisIsAway || !redis.isAlive()) {
            return Optional.empty();
        }
        redisIsAway = true;
        List<Double> before = sharedErrors();
        boolean gone = fault.kind() == FaultKind.REDIS_GONE;
        redis.signal(gone ? "KILL" : "STOP");
        return Optional.of(() -> {
            List<Double> after = sharedErrors();
            redisIsAway = false;
            if (gone || !redis.isAlive()) {
                redis.revive();
            } else {
                redis.signal("CONT");
            }
            return IntStream.range(0, replicas.size()).anyMatch(i -> after.get(i) > before.get(i));
        });
    }

    /** Errors and lookups passed over, of each server; NaN, which no number exceeds, of one that does not answer. */
    private List<Double> sharedErrors() throws IOException, InterruptedException {
        List<Double> counts = new ArrayList<>();
        for (ReplicaProcess replica : replicas) {
            counts.add(
                    replica.serves()
                            ? tierErrors(replica, "shared")
                                    + ServerFigures.sum(
                                            replica.metrics(), "lyne_teacher_tier_skipped_total", "tier=\"shared\"")
                            : Double.NaN);
        }
        return counts;
    }

    private static double tierErrors(ReplicaProcess replica, String tier) throws IOException, InterruptedException {
        return ServerFigures.sum(replica.metrics(), "lyne_teacher_tier_errors_total", "tier=\"" + tier + "\"");
    }
}
