package dev.lyne.load.fault;

import dev.lyne.load.process.RedisProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Several servers of one teacher, each behind a proxy of its own. */
final class Replicas implements AutoCloseable {
    private final List<ReplicaProcess> all;

    private Replicas(List<ReplicaProcess> all) {
        this.all = all;
    }

    /**
     * Starts them, and waits until all of them serve.
     *
     * @param redis where they share rows; they keep rows on disk, too, then. Caches are small, so that rows are computed all the time
     */
    static Replicas open(FaultBench bench, ChaosSettings settings, Path scratch, Optional<RedisProcess> redis)
            throws IOException {
        List<ReplicaProcess> all = new ArrayList<>();
        try {
            for (int i = 0; i < settings.replicas(); i++) {
                List<String> options = new ArrayList<>(List.of("--cache-mib", "2"));
                String name = (redis.isPresent() ? "replica-" : "undisturbed-replica-") + i;
                redis.ifPresent(shared -> options.addAll(List.of(
                        "--disk-cache",
                        scratch.resolve(name + "-cache").toString(),
                        "--disk-cache-mib",
                        "64",
                        "--shared-cache",
                        shared.url())));
                double studentsOfIt = (double) settings.students() / settings.replicas();
                all.add(new ReplicaProcess(life -> bench.replica(name + "-life-" + life, studentsOfIt, options)));
            }
            for (ReplicaProcess replica : all) {
                replica.open();
            }
            return new Replicas(all);
        } catch (IOException | RuntimeException e) {
            all.forEach(ReplicaProcess::close);
            throw e;
        }
    }

    List<ReplicaProcess> all() {
        return all;
    }

    /** Returns the addresses at which students find them. */
    List<String> addresses() {
        return all.stream().map(ReplicaProcess::address).toList();
    }

    /** Returns the addresses that they listen on themselves, as they are now. */
    List<String> direct() {
        return all.stream().map(ReplicaProcess::direct).toList();
    }

    @Override
    public void close() {
        all.forEach(ReplicaProcess::close);
    }
}
