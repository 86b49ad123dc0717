package dev.lyne.teacher.batch;

import dev.lyne.row.ScoreItem;
import dev.lyne.wire.Digests;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Whether a device's forwards fail one after the other, whatever they are of: three in a row that have no sequence in common. One that fails
 * again and again by itself says nothing of the device. Its device's thread tells it; others may ask.
 */
final class FailedForwards {
    static final int MOST = 3;

    private final Set<Integer> sequences = new HashSet<>();
    private int inARow;
    private volatile boolean failing;

    /** A forward has failed. Returns whether that was once too often. */
    boolean failed(List<ScoreItem> items) {
        boolean others = items.stream().noneMatch(item -> sequences.contains(checksum(item)));
        if (!others || failing) {
            return false;
        }
        items.forEach(item -> sequences.add(checksum(item)));
        failing = ++inARow == MOST;
        return failing;
    }

    /** A forward gave its rows. Returns whether that is news. */
    boolean succeeded() {
        boolean news = failing;
        sequences.clear();
        inARow = 0;
        failing = false;
        return news;
    }

    boolean areAll() {
        return failing;
    }

    private static int checksum(ScoreItem item) {
        return Digests.tokenChecksum(item.tokens());
    }
}
