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
    static Optional<Link> of(List<Link> links, Entry entry, long now) {
        List<Link> usable = links.stream().filter(link -> link.isUsable(now)).toList();
        if (usable.size() == 1) {
            return usable.stream().filter(link -> link.hasRoomFor(entry)).findFirst();
        }
        List<Link> others =
                usable.stream().filter(link -> link != entry.lastFailedOn).toList();
        List<Link> known = others.stream().filter(link -> link.rate.isKnown()).toList();
        int probes = known.isEmpty() ? PROBES : 1;
        Optional<Link> unknown = others.stream()
                .filter(link -> !link.rate.isKnown() && link.hasRoomFor(entry) && link.inFlight() < probes)
                .min(Comparator.comparingLong(Link::tokens));
        if (unknown.isPresent()) {
            return unknown;
        }
        double fastest =
                known.stream().mapToDouble(link -> link.rate(now)).max().orElse(0);
        Optional<Link> doubtful = known.stream()
                .filter(link ->
                        link.rate.isDoubtful(now) && link.rate(now) * SLOWER < fastest && link.hasRoomFor(entry))
                .findFirst();
        if (doubtful.isPresent()) {
            doubtful.get().rate.test();
            return doubtful;
        }
        return known.stream()
                .min(Comparator.comparingDouble(link ->
                        link.expectedNanos(entry.tokens(), now) * (link.rate(now) * MUCH_SLOWER < fastest ? 2 : 1)))
                .filter(link -> link.hasRoomFor(entry));
    }

    /** The fastest that sequences can be given to. */
    static Optional<Link> fastest(List<Link> links, long now) {
        return links.stream()
                .filter(link -> link.isUsable(now) && link.rate.isKnown())
                .max(Comparator.comparingDouble(link -> link.rate(now)));
    }
}
