package dev.lyne.teacher.cache;

import dev.lyne.wire.Selection;
import java.util.Arrays;

/**
 * What a stored entry holds, or what a request wants.
 *
 * @param selection entries a row, and the temperatures with an offset
 * @param positions position of each row
 */
@SuppressWarnings("ArrayRecordComponent") // compared by contains
public record Holdings(Selection selection, int[] positions) {
    /**
     * Decides, alone and for every tier and computations in flight alike, whether what is held answers a request byte for byte.
     * The rows of a block are not cut: only an equal selection and equal positions do.
     */
    public static boolean contains(Holdings held, Holdings wanted) {
        return held.selection.equals(wanted.selection) && Arrays.equals(held.positions, wanted.positions);
    }
}
