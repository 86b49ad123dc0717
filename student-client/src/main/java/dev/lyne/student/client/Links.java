package dev.lyne.student.client;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The links of a stream, one a replica: which there are, which to ask next, and how all of them end. Guarded by its stream's lock. */
final class Links {
    private final StreamState state;
    private final ClientOptions options;
    private final RandomGenerator random;
    private final List<Link> links = new ArrayList<>();

    Links(StreamState state, ClientOptions options, RandomGenerator random) {
        this.state = state;
        this.options = options;
        this.random = random;
    }

    /** Sets the replicas that there are; links to others go once their calls have ended. */
    void setReplicas(Collection<Replica> replicas) {
        links.removeIf(link -> link.call == null && !replicas.contains(link.replica));
        for (Replica replica : replicas) {
            if (links.stream().noneMatch(link -> link.replica.equals(replica))) {
                Backoff backoff = new Backoff(options.firstBackoff(), options.maxBackoff(), random);
                links.add(new Link(replica, backoff, state.nowNanos()));
            }
        }
    }

    /** All of them, as they are now. */
    List<Link> all() {
        return List.copyOf(links);
    }

    /** The open call that has room and the fewest tokens in flight; that of a link which just failed this sequence comes last. */
    @Nullable
    ReplicaCall choose(Entry entry, long nowNanos) {
        Link bestLink = null;
        ReplicaCall best = null;
        for (Link link : links) {
            ReplicaCall call = link.call;
            if (call == null || nowNanos < link.askAtNanos || !call.hasRoomFor(entry.tokens())) {
                continue;
            }
            if (best == null || isBetter(link, call, bestLink, best, entry)) {
                bestLink = link;
                best = call;
            }
        }
        return best;
    }

    private static boolean isBetter(
            Link link, ReplicaCall call, @Nullable Link bestLink, ReplicaCall best, Entry entry) {
        boolean failed = link == entry.lastFailedOn;
        boolean bestFailed = bestLink == entry.lastFailedOn;
        return failed == bestFailed ? call.inFlight().tokens() < best.inFlight().tokens() : bestFailed;
    }

    /** When something is to be done about one of them next, if nothing happens before; Long.MAX_VALUE: never. */
    long nextEventNanos(boolean sequencesWait, long nowNanos) {
        return links.stream()
                .mapToLong(link -> link.nextEventNanos(sequencesWait, nowNanos))
                .min()
                .orElse(Long.MAX_VALUE);
    }

    /** What was tried, replica by replica. */
    String history() {
        return links.stream().map(Link::history).collect(Collectors.joining("; "));
    }

    /** Ends the stream and its calls: with a failure, or closed by the student. What is resolved can be taken after a failure. */
    void endStream(@Nullable TeacherException failure) {
        if (!state.end(failure)) {
            return;
        }
        for (Link link : links) {
            ReplicaCall call = link.call;
            if (call != null) {
                call.end(failure == null ? "closed by the student" : "the stream failed");
            }
        }
        links.clear();
    }
}
