package dev.lyne.client;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** The choice of a replica for a sequence, by measured rates. Called with the pool's lock held. */
final class ReplicaChoice {
    /** Sequences given to a replica of unknown rate where there are others. */
    private static final int PROBES = 2;

    /** A replica this much slower than the fastest gets a sequence only where it needs half of the fastest one's time. */
    private static final double MUCH_SLOWER = 4;

    /** An idle replica this much slower than the fastest is tested from time to time. */
    private static final double SLOWER = 2;

    private ReplicaChoice() {}

    /**
     * The replica that is expected to answer a sequence first, where it has room for it now; where it has none, the sequence waits for
     * it rather than going to one that takes longer. A replica whose rate is not known gets a few, and more once it has answered; one
     * that was slow and has been idle gets a single one, as a test of what is known. One that the sequence was taken from comes last.
     */
    static Optional<ReplicaConnection> of(List<ReplicaConnection> connections, Entry entry, long now) {
        List<ReplicaConnection> usable = connections.stream()
                .filter(connection -> connection.isUsable(now))
                .toList();
        if (usable.size() == 1) {
            return usable.stream()
                    .filter(connection -> connection.hasRoomFor(entry))
                    .findFirst();
        }
        List<ReplicaConnection> others = usable.stream()
                .filter(connection -> connection != entry.lastFailedOn)
                .toList();
        List<ReplicaConnection> known =
                others.stream().filter(connection -> connection.rate.isKnown()).toList();
        int probes = known.isEmpty() ? PROBES : 1;
        Optional<ReplicaConnection> unknown = others.stream()
                .filter(connection ->
                        !connection.rate.isKnown() && connection.hasRoomFor(entry) && connection.inFlight() < probes)
                .min(Comparator.comparingLong(ReplicaConnection::tokens));
        if (unknown.isPresent()) {
            return unknown;
        }
        double fastest = known.stream()
                .mapToDouble(connection -> connection.rate(now))
                .max()
                .orElse(0);
        Optional<ReplicaConnection> doubtful = known.stream()
                .filter(connection -> connection.rate.isDoubtful(now)
                        && connection.rate(now) * SLOWER < fastest
                        && connection.hasRoomFor(entry))
                .findFirst();
        if (doubtful.isPresent()) {
            doubtful.get().rate.test();
            return doubtful;
        }
        return known.stream()
                .min(Comparator.comparingDouble(connection -> connection.expectedNanos(entry.tokens(), now)
                        * (connection.rate(now) * MUCH_SLOWER < fastest ? 2 : 1)))
                .filter(connection -> connection.hasRoomFor(entry));
    }

    /** The fastest that sequences can be given to. */
    static Optional<ReplicaConnection> fastest(List<ReplicaConnection> connections, long now) {
        return connections.stream()
                .filter(connection -> connection.isUsable(now) && connection.rate.isKnown())
                .max(Comparator.comparingDouble(connection -> connection.rate(now)));
    }
}
