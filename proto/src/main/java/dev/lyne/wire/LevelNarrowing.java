package dev.lyne.wire;

import dev.lyne.row.Selection;
import java.util.Arrays;

/**
 * Cuts rows that are on their grid. Levels stay as they are; tails that entries were added to are rounded on a grid that is finer by
 * {@link LevelGrid#MAX_REFINEMENT} halvings, so that a second rounding costs next to nothing of their bound. Rows that were cut can be
 * cut again, so corrections are carried along: a tail at a smaller cut says what it would have said.
 */
final class LevelNarrowing {
    private final QuantizedRows held;
    private final int[] temperatureOf;
    private final double[] temperatures;
    private final int[] rows;
    private final int[] counts;
    private final int refinement;

    /** The numbers of entries that rows may be cut to. */
    private final int[] cuts;

    /** Grids of tails: of rows as they are held, as they will be; at temperature 1, at others. */
    private final LevelGrid[] heldGrids;

    private final LevelGrid[] grids;
    private final double[] heldTails;
    private final double[] narrowedTails;
    private long[] corrections = new long[16];
    private int found;

    /** @param temperatureOf numbers of the wanted temperatures among those that are held */
    private LevelNarrowing(
            QuantizedRows held, int[] temperatureOf, double[] temperatures, int[] rows, int[] counts, int refinement) {
        this.held = held;
        this.temperatureOf = temperatureOf;
        this.temperatures = temperatures;
        this.rows = rows;
        this.counts = counts;
        this.refinement = refinement;
        this.cuts = Cuts.below(held.most());
        this.heldGrids = grids(held.refinement());
        this.grids = grids(refinement);
        this.heldTails = new double[cuts.length];
        this.narrowedTails = new double[cuts.length];
    }

    /**
     * The rows of a block that are wanted.
     *
     * @param rows their numbers in the block
     * @param counts entries that each of them keeps: all, as many as a cut, or none
     */
    static QuantizedRows narrow(QuantizedRows held, BlockHeader header, Selection selection, int[] rows, int[] counts) {
        int[] temperatureOf = selection.temperatures().stream()
                .mapToInt(header.selection().temperatures()::indexOf)
                .toArray();
        double[] temperatures = selection.temperatures().stream()
                .mapToDouble(Float::doubleValue)
                .toArray();
        boolean whole = true;
        for (int i = 0; i < rows.length; i++) {
            whole &= counts[i] == held.offsets()[rows[i] + 1] - held.offsets()[rows[i]];
        }
        int refinement = whole ? held.refinement() : LevelGrid.MAX_REFINEMENT;
        return new LevelNarrowing(held, temperatureOf, temperatures, rows, counts, refinement).narrow();
    }

    private QuantizedRows narrow() {
        int[] offsets = new int[rows.length + 1];
        for (int i = 0; i < rows.length; i++) {
            offsets[i + 1] = offsets[i] + counts[i];
        }
        int[] ids = new int[offsets[rows.length]];
        int[] depths = new int[ids.length];
        int[] draws = new int[held.drawCounts().length > 0 ? ids.length : 0];
        int[] label = new int[rows.length];
        float[] temperatureOffsets = new float[rows.length * temperatures.length];
        for (int i = 0; i < rows.length; i++) {
            int from = held.offsets()[rows[i]];
            System.arraycopy(held.ids(), from, ids, offsets[i], counts[i]);
            System.arraycopy(held.depths(), from, depths, offsets[i], counts[i]);
            if (draws.length > 0) {
                System.arraycopy(held.drawCounts(), from, draws, offsets[i], counts[i]);
            }
            label[i] = held.labelDepths()[rows[i]];
            for (int j = 0; j < temperatures.length; j++) {
                temperatureOffsets[i * temperatures.length + j] = offset(i, j);
            }
        }
        return withTails(new QuantizedRows(
                held.grid(),
                refinement,
                offsets,
                offsets,
                ids,
                depths,
                new int[rows.length],
                label,
                draws,
                temperatureOffsets,
                new int[temperatureOffsets.length],
                new long[0]));
    }

    private float offset(int i, int temperature) {
        return held.temperatureOffsets()[rows[i] * held.temperatures() + temperatureOf[temperature]];
    }

    /** Fills in tails and corrections; all on a coarser grid where a tail lies below the deepest level of the finest. */
    private QuantizedRows withTails(QuantizedRows narrowed) {
        for (int i = 0; i < rows.length; i++) {
            double shift = temperatures.length == 0 ? 0 : shift(rows[i]);
            for (int j = 0; j <= temperatures.length; j++) {
                Scale scale = scale(i, j, shift);
                LevelGrid grid = grids[Math.min(j, 1)];
                float tail = tail(i, j, scale);
                if (tail != Float.NEGATIVE_INFINITY && !grid.reaches(tail)) {
                    return new LevelNarrowing(held, temperatureOf, temperatures, rows, counts, refinement - 1).narrow();
                }
                int depth = tail == Float.NEGATIVE_INFINITY ? QuantizedRows.NOTHING : grid.depth(tail);
                if (j == 0) {
                    narrowed.tailDepths()[i] = depth;
                } else {
                    narrowed.temperedDepths()[i * temperatures.length + j - 1] = depth;
                }
                correct(i, j, scale, value(grid, depth));
            }
        }
        long[] all = Arrays.copyOf(corrections, found);
        Arrays.sort(all);
        return narrowed.withCorrections(all);
    }

    /** Scale by which masses at a temperature come from levels: exp((value − shift)/τ + offset). */
    private record Scale(double shift, double temperature, double offset) {
        double log(float value) {
            return (value - shift) / temperature + offset;
        }
    }

    private Scale scale(int i, int j, double shift) {
        return j == 0 ? new Scale(0, 1, 0) : new Scale(shift, temperatures[j - 1], offset(i, j - 1));
    }

    private LevelGrid[] grids(int fine) {
        return new LevelGrid[] {held.grid().forTails(fine), LevelGrid.forTemperedTails(fine)};
    }

    private static double value(LevelGrid grid, int depth) {
        return depth == QuantizedRows.NOTHING ? Double.NEGATIVE_INFINITY : grid.value(depth);
    }

    /** Nats of a correction's step: of a row's tail where {@code j} is 0, else of that at a temperature. */
    private double step(int j, int fine) {
        double coarsest = j == 0 ? held.grid().maxStep() / (double) LevelGrid.TAIL_STEPS : LevelGrid.TEMPERED_STEP;
        return coarsest / (1 << fine);
    }

    /** The log tail mass of a row, as a level may stand for it; fills in what it would be at the cuts, as far as the held rows tell. */
    private float tail(int i, int j, Scale scale) {
        int row = rows[i];
        int all = held.offsets()[row + 1] - held.offsets()[row];
        int depth = j == 0
                ? held.tailDepths()[row]
                : held.temperedDepths()[row * held.temperatures() + temperatureOf[j - 1]];
        double whole = value(heldGrids[Math.min(j, 1)], depth);
        double everything = fill(heldTails, row, all, scale, whole);
        int number = j == 0 ? 0 : temperatureOf[j - 1] + 1;
        for (int cut = 0; cut < cuts.length && cuts[cut] < all; cut++) {
            int steps = Correction.find(held.corrections(), cut, number, row);
            if (steps != 0) {
                heldTails[cut] += steps * step(j, held.refinement());
            }
        }
        double tail = counts[i] == all
                ? whole
                : counts[i] > 0 ? heldTails[Arrays.binarySearch(cuts, counts[i])] : j == 0 ? everything : 0;
        double least = j == 0 || tail == Double.NEGATIVE_INFINITY ? tail : LevelGrid.LEAST_TEMPERED_TAIL;
        return (float) Math.max(least, Math.min(LevelGrid.MAX_LOG_PROBABILITY, tail));
    }

    /** Adds corrections where the narrowed row, cut again, would not say what the held one would. */
    private void correct(int i, int j, Scale scale, double tail) {
        fill(narrowedTails, rows[i], counts[i], scale, tail);
        for (int cut = 0; cut < cuts.length && cuts[cut] < counts[i]; cut++) {
            int steps = (int) Math.rint((heldTails[cut] - narrowedTails[cut]) / step(j, refinement));
            if (steps != 0) {
                if (found == corrections.length) {
                    corrections = Arrays.copyOf(corrections, 2 * found);
                }
                corrections[found++] = Correction.of(cut, j, i, steps);
            }
        }
    }

    /** Fills in the logs of the masses from each cut on, of the first entries of a row and a tail; gives that of all. */
    private double fill(double[] tails, int row, int entries, Scale scale, double tail) {
        int first = held.offsets()[row];
        LogSum sum = new LogSum(tail);
        int cut = cuts.length - 1;
        while (cut >= 0 && cuts[cut] >= entries) {
            cut--;
        }
        for (int k = entries - 1; k >= 0; k--) {
            sum.add(scale.log(held.grid().value(held.depths()[first + k])));
            if (cut >= 0 && cuts[cut] == k) {
                tails[cut--] = sum.log();
            }
        }
        return sum.log();
    }

    /**
     * Returns the shift that a decoder takes from each log-probability of a held row: the log of the sum of all masses.
     */
    private double shift(int row) {
        double mass = 0;
        for (int i = held.offsets()[row]; i < held.offsets()[row + 1]; i++) {
            mass += held.grid().mass(held.depths()[i]);
        }
        int tail = held.tailDepths()[row];
        return Math.log(mass + (tail == QuantizedRows.NOTHING ? 0 : heldGrids[0].mass(tail)));
    }
}
