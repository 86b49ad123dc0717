package dev.lyne.student.client;

import org.jspecify.annotations.Nullable;

/** What a stream knows of one replica: its call, if there is one, and how long to leave it alone. Guarded by its stream's lock. */
final class Link {
    final Replica replica;
    final Backoff backoff;

    @Nullable
    ReplicaCall call;
    /** Not to be connected to before. */
    long connectAtNanos;
    /** Not to be sent sequences before. */
    long askAtNanos;
    /** Calls made. */
    int attempts;

    @Nullable
    Failure lastFailure;

    Link(Replica replica, Backoff backoff, long nowNanos) {
        this.replica = replica;
        this.backoff = backoff;
        this.connectAtNanos = nowNanos;
        this.askAtNanos = nowNanos;
    }

    /** When something is to be done about it next, if nothing happens before; Long.MAX_VALUE: never. */
    long nextEventNanos(boolean sequencesWait, long nowNanos) {
        ReplicaCall current = call;
        if (current == null) {
            return connectAtNanos;
        }
        long next = current.nextDeadlineNanos();
        return sequencesWait && askAtNanos > nowNanos ? Math.min(next, askAtNanos) : next;
    }

    /** One clause for an error message: the replica and what came of it. */
    String history() {
        Failure failure = lastFailure;
        ReplicaCall current = call;
        String state = current != null && current.isOpen()
                ? "connected, " + current.inFlight().size() + " sequences in flight"
                : attempts + (attempts == 1 ? " attempt" : " attempts");
        return "teacher " + replica.label() + ": "
                + (failure == null ? state : failure.description() + " (" + state + ")");
    }
}
