package dev.lyne.client;

import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * A replica as its pool knows it: its call, if there is one, how fast it is, and how long to leave it alone. Guarded by
 * the pool's lock.
 */
final class ReplicaConnection {
    final Replica replica;
    final Backoff backoff;
    final Rate rate = new Rate();
    final Standing standing = new Standing();
    final DeviceProgress device;
    private final long hash;

    @Nullable
    ReplicaCall call;
    /** Not to be connected to before. */
    long connectAtNanos;
    /** Not to be sent sequences before. */
    long askAtNanos;
    /** Calls made. */
    int attempts;

    @Nullable
    CallFailure lastFailure;

    ReplicaConnection(Replica replica, Backoff backoff, long nowNanos) {
        this.replica = replica;
        this.hash = hash(replica.label());
        this.backoff = backoff;
        this.connectAtNanos = nowNanos;
        this.askAtNanos = nowNanos;
        this.device = new DeviceProgress(nowNanos);
    }

    /** Returns a hash that is the same for the same address, in every process. */
    long hash() {
        return hash;
    }

    boolean isOpen() {
        ReplicaCall current = call;
        return current != null && current.isOpen();
    }

    /** Whether sequences can be given to it: not to one that stands still, or drains; one at a time to one that is in doubt. */
    boolean isUsable(long nowNanos) {
        ReplicaCall current = call;
        return current != null
                && current.isOpen()
                && !current.inFlight().isClosed()
                && !device.isStuck()
                && !(standing.isInDoubt() && current.inFlight().size() > 0)
                && nowNanos >= askAtNanos;
    }

    /** Sequences in flight; 0 without a call. */
    int inFlight() {
        ReplicaCall current = call;
        return current == null ? 0 : current.inFlight().size();
    }

    /** Whether the server's credit and the transport have room for a sequence. */
    boolean hasRoomFor(Entry entry) {
        ReplicaCall current = call;
        return current != null && current.hasRoomFor(entry.tokens());
    }

    /** Tokens in flight; 0 without a call. */
    long tokens() {
        ReplicaCall current = call;
        return current == null ? 0 : current.inFlight().tokens();
    }

    /** Tokens a nanosecond, as it looks now. */
    double rate(long nowNanos) {
        ReplicaCall current = call;
        Attempt next = current == null ? null : current.inFlight().oldest();
        return rate.now(nowNanos, next == null ? 0 : next.entry.tokens());
    }

    /** Returns the expected time until a sequence given to it now is answered, in nanoseconds. */
    double expectedNanos(int moreTokens, long nowNanos) {
        return (tokens() + moreTokens) / Math.max(rate(nowNanos), 1e-15);
    }

    /** One clause for people: the replica and what came of it. */
    String history(long nowNanos) {
        CallFailure failure = lastFailure;
        ReplicaCall current = call;
        String state;
        if (current != null && current.isOpen()) {
            state = (device.isStuck()
                            ? "stuck, its device stands still for " + seconds(device.stillNanos(nowNanos))
                            : current.inFlight().isClosed() ? "draining" : "connected")
                    + ", " + current.inFlight().size() + " sequences in flight";
        } else {
            state = attempts + (attempts == 1 ? " attempt" : " attempts");
        }
        if (failure == null) {
            return "teacher " + replica.label() + ": " + state;
        }
        return "teacher " + replica.label() + ": " + (standing.refuses() ? failure : failure.description()) + " ("
                + state + ")";
    }

    private static long hash(String label) {
        CRC32C crc = new CRC32C();
        crc.update(label.getBytes(StandardCharsets.UTF_8));
        return crc.getValue() << Integer.SIZE;
    }

    static String seconds(long nanos) {
        return nanos / 1_000_000_000L + " s";
    }
}
