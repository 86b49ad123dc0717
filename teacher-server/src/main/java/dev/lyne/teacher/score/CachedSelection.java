package dev.lyne.teacher.score;

import dev.lyne.row.Precision;
import dev.lyne.wire.Containment;
import dev.lyne.wire.RowFormat;
import java.util.Arrays;

/**
 * Selection of rows that a stored entry holds, or that a request wants.
 *
 * @param format what is kept of each row, and how it is coded
 * @param positions position of each row, ascending
 * @param chosen ids named for each position, ascending, where the selection is of chosen ids; else empty
 * @param keptMass smallest kept mass of the rows, where they are stored in exact precision; else 0, for not known
 */
@SuppressWarnings("ArrayRecordComponent") // compared by contains
public record CachedSelection(RowFormat format, int[] positions, int[][] chosen, double keptMass) {
    /** Returns the selection of the rows that a task wants. */
    static CachedSelection wanted(ScoreTask task) {
        return new CachedSelection(
                task.format(), task.item().positions(), sorted(task.item().chosen()), 0);
    }

    /** Returns the selection of the same rows, coded exactly. */
    public CachedSelection exact() {
        return new CachedSelection(
                new RowFormat(format.selection(), Precision.EXACT, format.rawLogits()), positions, chosen, 0);
    }

    /** Returns the selection of the same rows, with their smallest kept mass known. */
    CachedSelection withKeptMass(double mass) {
        return new CachedSelection(format, positions, chosen, mass);
    }

    /**
     * Decides, alone and for every tier and computations in flight alike, whether what is held answers a request: the held rows are
     * at all wanted positions, of the ids chosen there, coded as finely, and {@linkplain Containment#answers answer} for the wanted
     * entries and temperatures, with the very ids that fresh rows would have.
     *
     * <p>Exact rows answer in any precision, by coding them again: that gives what coding fresh rows would. Half and compact rows
     * answer in their own precision alone: the error of one on top of the other would break the bounds of both.
     *
     * <p>In deterministic mode an answer has the bytes that a fresh one would have. So selections have to be equal, since a tail
     * that entries were added to may differ in its last bits; and compact rows have to be at the very positions wanted, since the
     * grid of a block depends on all its rows.
     */
    public static boolean contains(
            CachedSelection held, CachedSelection wanted, int vocabularySize, boolean deterministic) {
        RowFormat has = held.format;
        RowFormat asked = wanted.format;
        boolean codes = has.precision() == asked.precision() || has.precision() == Precision.EXACT;
        boolean logits = has.rawLogits() == asked.rawLogits() || (has.rawLogits() && !deterministic);
        boolean rows = deterministic && has.precision() == Precision.COMPACT
                ? Arrays.equals(held.positions, wanted.positions)
                : Containment.containsPositions(held.positions, wanted.positions);
        boolean entries = deterministic
                ? has.selection().equals(asked.selection())
                : Containment.answers(
                        has.selection(), asked.selection(), has.precision(), vocabularySize, held.keptMass);
        return codes && logits && rows && entries && sameChosen(held, wanted);
    }

    private static boolean sameChosen(CachedSelection held, CachedSelection wanted) {
        if (!wanted.format.selection().keepsChosen()) {
            return true;
        }
        for (int i = 0; i < wanted.positions.length; i++) {
            int row = Arrays.binarySearch(held.positions, wanted.positions[i]);
            if (row < 0 || !Arrays.equals(held.chosen[row], wanted.chosen[i])) {
                return false;
            }
        }
        return true;
    }

    /** Whether an answer of these rows is the very blocks that are held. */
    boolean answersAsItIs(CachedSelection wanted) {
        return format.equals(wanted.format) && Arrays.equals(positions, wanted.positions);
    }

    /** Bytes that keeping this costs, about. */
    public long bytes() {
        return 4L
                * (positions.length
                        + Arrays.stream(chosen).mapToInt(ids -> ids.length + 4).sum());
    }

    private static int[][] sorted(int[][] chosen) {
        return Arrays.stream(chosen)
                .map(ids -> Arrays.stream(ids).sorted().toArray())
                .toArray(int[][]::new);
    }
}
