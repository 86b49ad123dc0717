package dev.lyne.teacher.batch;

import java.util.ArrayList;
import java.util.List;

/**
 * Sizes of work that a device had memory for, each of two numbers: what is no larger in both than one of them fitted
 * before. Not safe for several threads.
 */
public final class FittedSizes {
    /** Most sizes that are kept; none of them is within another. */
    private static final int MOST = 16;

    private final List<Size> largest = new ArrayList<>();

    private record Size(long one, long other) {
        boolean holds(Size smaller) {
            return smaller.one <= one && smaller.other <= other;
        }
    }

    /** Notes a size that fitted. */
    public void add(long one, long other) {
        Size size = new Size(one, other);
        if (largest.stream().anyMatch(kept -> kept.holds(size))) {
            return;
        }
        largest.removeIf(size::holds);
        if (largest.size() == MOST) {
            largest.remove(0);
        }
        largest.add(size);
    }

    /** Returns whether as much has fitted before. */
    public boolean contains(long one, long other) {
        Size size = new Size(one, other);
        return largest.stream().anyMatch(kept -> kept.holds(size));
    }
}
