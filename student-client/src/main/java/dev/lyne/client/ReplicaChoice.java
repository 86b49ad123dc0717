package dev.lyne.client;

import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** The choice of a replica for a sequence. Called with the pool's lock held. */
final class ReplicaChoice {
    /** Sequences given to a replica of unknown rate where there are others. */
    private static final int PROBES = 2;

    /** A replica this much slower than the fastest gets a sequence only where it needs half of the fastest one's time. */
    private static final double MUCH_SLOWER = 4;

    /** An idle replica this much slower than the fastest is tested from time to time. */
    private static final double SLOWER = 2;

    /** A replica may have that many times its even part of all sequences in flight. */
    private static final double BALANCE = 1.25;

    /** Waiting sequences that are looked at for those of a replica. */
    private static final int LOOK_AHEAD = 256;

    /** A sequence leaves a replica for one that is so much faster, where it is done so much sooner there. */
    private static final double FASTER = 2;

    private static final double SOONER = 3;
    private static final long SOONER_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** Part of the sequences offered that may be hedged. */
    private static final double HEDGED_SHARE = 0.05;

    private static final long WATCH_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** A sequence, and the replica that is asked for it. */
    record Choice(Entry entry, ReplicaConnection connection) {}

    /** Decision about the sequence that has gone unanswered for longest. */
    sealed interface Hedge {
        /** Nothing before a moment; Long.MAX_VALUE: before something else happens. */
        record Later(long atNanos) implements Hedge {}

        /** A second replica is asked for it, too. */
        record Now(Attempt slowest, ReplicaConnection second) implements Hedge {}
    }

    /** A sequence that is taken from a slow replica and given to a fast one. */
    record Move(ReplicaConnection from, Attempt attempt, ReplicaConnection to) {}

    /**
     * Decision on what is moved next.
     *
     * @param move empty: nothing, now
     * @param watched whether that may change in a moment
     */
    record Rebalancing(Optional<Move> move, boolean watched) {}

    private ReplicaChoice() {}

    /**
     * Returns the next sequence to be asked for, of those that wait, and the replica that is asked; empty where all
     * have to wait.
     */
    static Optional<Choice> next(
            ReplicaRouting routing, List<ReplicaConnection> connections, Iterable<Entry> waiting, long now) {
        Iterator<Entry> inOrder = waiting.iterator();
        if (!inOrder.hasNext()) {
            return Optional.empty();
        }
        Optional<Choice> next = switch (routing) {
            case RATE -> {
                Entry first = inOrder.next();
                yield byRate(connections, first, now).map(connection -> new Choice(first, connection));
            }
            case HASH -> byHash(connections, inOrder, now);
        };
        return next.map(choice -> choice.connection().standing.isInDoubt()
                ? new Choice(leastFailed(waiting, choice.entry()), choice.connection())
                : choice);
    }

    /**
     * The sequence that tells whether the replica or a sequence is to blame: the first of those that have failed least, so that one which
     * fails everywhere does not stand before the others. One alone always has room.
     */
    private static Entry leastFailed(Iterable<Entry> waiting, Entry chosen) {
        Entry least = chosen;
        int looked = 0;
        for (Entry entry : waiting) {
            if (looked++ == LOOK_AHEAD) {
                break;
            }
            if (entry.failures() < least.failures()) {
                least = entry;
            }
        }
        return least;
    }

    /**
     * The first sequence whose replica has room for it: consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam, SODA
     * 2018), by rendezvous (Thaler and Ravishankar 1998): a sequence belongs to the replica whose hash together with its own is least, so that
     * one that goes moves its own sequences alone; where that has its part in flight, to the next. A replica with nothing in flight takes the first sequence of any.
     */
    private static Optional<Choice> byHash(List<ReplicaConnection> connections, Iterator<Entry> waiting, long now) {
        List<ReplicaConnection> usable = connections.stream()
                .filter(connection -> connection.isUsable(now))
                .toList();
        int inFlight = usable.stream().mapToInt(ReplicaConnection::inFlight).sum();
        double most = Math.ceil(BALANCE * (inFlight + 1) / Math.max(1, usable.size()));
        Optional<Choice> idle = Optional.empty();
        for (int looked = 0; waiting.hasNext() && looked < LOOK_AHEAD; looked++) {
            Entry entry = waiting.next();
            Optional<ReplicaConnection> home = usable.stream()
                    .filter(connection -> connection.inFlight() < most)
                    .min(Comparator.<ReplicaConnection>comparingInt(
                                    connection -> connection == entry.lastFailedOn ? 1 : 0)
                            .thenComparingLong(connection -> mixed(entry.hash() ^ connection.hash())))
                    .filter(connection -> connection.hasRoomFor(entry));
            if (home.isPresent()) {
                return Optional.of(new Choice(entry, home.get()));
            }
            if (looked == 0) {
                idle = usable.stream()
                        .filter(connection -> connection.inFlight() == 0 && connection.hasRoomFor(entry))
                        .findFirst()
                        .map(connection -> new Choice(entry, connection));
            }
        }
        return idle;
    }

    /** The finalizer of SplitMix64 (Steele, Lea and Flood 2014). */
    private static long mixed(long value) {
        long z = (value ^ (value >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }

    /**
     * The replica that is expected to answer a sequence first, where it has room for it now; where it has none, the sequence waits for
     * it rather than going to one that takes longer. A replica whose rate is not known gets a few, and more once it has answered; one
     * that was slow and has been idle gets a single one, as a test of what is known. One that the sequence was taken from comes last.
     */
    private static Optional<ReplicaConnection> byRate(List<ReplicaConnection> connections, Entry entry, long now) {
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

    /** Whether a second replica is asked for the sequence that has gone unanswered for longest, one at a time, each once, and at most a share of all. */
    static Hedge hedge(List<ReplicaConnection> connections, StreamCounts counts, long afterNanos, long now) {
        Hedge.Later never = new Hedge.Later(Long.MAX_VALUE);
        if (afterNanos == 0 || connections.size() < 2) {
            return never;
        }
        ReplicaConnection from = null;
        Attempt slowest = null;
        for (ReplicaConnection connection : connections) {
            ReplicaCall call = connection.call;
            for (Attempt attempt :
                    call == null ? List.<Attempt>of() : call.inFlight().all()) {
                if (attempt.twin != null) {
                    return never; // one at a time; its end comes here
                }
                boolean first = slowest == null || attempt.sentNanos < slowest.sentNanos;
                if (!attempt.withdrawn && !attempt.entry.hedged && first) {
                    from = connection;
                    slowest = attempt;
                }
            }
        }
        if (slowest == null || counts.hedgedSequences() + 1 > Math.max(1, HEDGED_SHARE * counts.askedSequences())) {
            return never; // what comes next comes here
        }
        if (now - slowest.sentNanos < afterNanos) {
            return new Hedge.Later(slowest.sentNanos + afterNanos);
        }
        Attempt late = slowest;
        ReplicaConnection owner = from;
        return connections.stream()
                .filter(connection -> connection != owner
                        && connection.isUsable(now)
                        && !connection.standing.isInDoubt()
                        && connection.hasRoomFor(late.entry))
                .min(Comparator.comparingDouble(connection -> connection.expectedNanos(late.entry.tokens(), now)))
                .<Hedge>map(second -> new Hedge.Now(late, second))
                .orElse(new Hedge.Later(now + WATCH_NANOS));
    }

    /** The next sequence that a slow replica gives back to the fastest one that has room, where it is expected to be done far sooner there. */
    static Rebalancing rebalance(List<ReplicaConnection> connections, long now) {
        Optional<ReplicaConnection> fastest = fastest(connections, now);
        if (connections.size() < 2 || fastest.isEmpty()) {
            return new Rebalancing(Optional.empty(), false);
        }
        ReplicaConnection to = fastest.get();
        boolean watched = false;
        for (ReplicaConnection from : connections) {
            ReplicaCall call = from.call;
            if (from == to || call == null || !call.isOpen()) {
                continue;
            }
            double rate = from.rate(now);
            long ahead = 0;
            for (Attempt attempt : call.inFlight().all()) {
                ahead += attempt.entry.tokens();
                if (attempt.withdrawn
                        || attempt.twin != null
                        || attempt.entry.movedLately(now)
                        || !to.hasRoomFor(attempt.entry)) {
                    continue;
                }
                watched = true;
                boolean sooner = ahead / rate > SOONER * to.expectedNanos(attempt.entry.tokens(), now) + SOONER_NANOS;
                if (sooner && to.rate(now) > FASTER * rate) {
                    return new Rebalancing(Optional.of(new Move(from, attempt, to)), true);
                }
            }
        }
        return new Rebalancing(Optional.empty(), watched);
    }

    /** The fastest that sequences can be given to. */
    private static Optional<ReplicaConnection> fastest(List<ReplicaConnection> connections, long now) {
        return connections.stream()
                .filter(connection -> connection.isUsable(now) && connection.rate.isKnown())
                .max(Comparator.comparingDouble(connection -> connection.rate(now)));
    }
}
