package dev.lyne.client;

import java.util.List;

/**
 * Progress of a replica's device, as far as it is known, and whether it stands still with sequences in flight. Guarded
 * by its pool's lock.
 */
final class DeviceProgress {
    /** The counter as last told; −1: never. */
    private long positions = -1;
    /** Time at which the counter last moved, or was first needed to. */
    private long movedNanos;

    private boolean stuck;
    /** Not to be probed before, where it is stuck. */
    private long probeAtNanos;

    DeviceProgress(long nowNanos) {
        movedNanos = nowNanos;
    }

    /** The server tells its counter. Returns whether it moved since it last did. */
    boolean told(long devicePositions) {
        boolean moved = positions >= 0 && positions != devicePositions;
        positions = devicePositions;
        return moved;
    }

    /** Whether the server has ever told its counter. */
    boolean isTold() {
        return positions >= 0;
    }

    /** The device works. Returns whether it was stuck until now. */
    boolean moved(long nowNanos) {
        boolean was = stuck;
        movedNanos = nowNanos;
        stuck = false;
        return was;
    }

    /**
     * Looks whether the device stands still: where one of the sequences wanted of it has been there for so long, and meanwhile neither rows of
     * it came nor the counter moved.
     *
     * @param awokeNanos when this process last woke up; before, nothing could be heard
     * @return whether it is stuck from now on, and was not before
     */
    boolean standsStill(List<Attempt> wanted, long awokeNanos, long stuckNanos, long nowNanos) {
        long since = Math.max(movedNanos, awokeNanos);
        boolean still =
                wanted.stream().anyMatch(attempt -> nowNanos - Math.max(attempt.movedNanos, since) >= stuckNanos);
        if (stuck || !still) {
            return false;
        }
        stuck = true;
        probeAtNanos = nowNanos + stuckNanos;
        return true;
    }

    /** Returns whether the device stands still with sequences in flight: it gets no new ones until it moves. */
    boolean isStuck() {
        return stuck;
    }

    /** How long it has not moved, in nanoseconds. */
    long stillNanos(long nowNanos) {
        return nowNanos - movedNanos;
    }

    /** Whether a stuck one may be asked for something, to see whether it goes on. */
    boolean isProbeDue(long nowNanos) {
        return nowNanos >= probeAtNanos;
    }

    /** Notes that a stuck device is asked for something; it is not asked again for so long. */
    void probed(long stuckNanos, long nowNanos) {
        probeAtNanos = nowNanos + stuckNanos;
    }
}
