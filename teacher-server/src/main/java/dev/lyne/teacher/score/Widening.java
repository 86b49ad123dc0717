package dev.lyne.teacher.score;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.wire.RowFormat;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Rule of what to compute where rows are held under a key that do not answer a request: rows that answer it and
 * whatever the held ones answer. Else two students who ask for the same text differently, each at a temperature of its
 * own, say, would replace each other's rows for ever. With the widened rows in their place, one forward serves both
 * from then on.
 */
final class Widening {
    /** Temperatures that cost more to keep than they spare. */
    private static final int MAX_TEMPERATURES = 16;

    private Widening() {}

    /** The wanted rows, widened by the held ones where that is possible: one computation answers both. */
    static CachedSelection of(CachedSelection held, CachedSelection wanted, int vocabularySize) {
        if (wanted.format().selection().keepsChosen()) {
            return wanted;
        }
        if (CachedSelection.contains(wanted, held, vocabularySize, false)) {
            return wanted;
        }
        Selection selection = wanted.format()
                .selection()
                .widenedBy(held.format().selection(), vocabularySize)
                .withTemperatures(temperatures(held, wanted));
        boolean logits = held.format().rawLogits() || wanted.format().rawLogits();
        int[] positions = positions(held, wanted);
        if (selection.temperatures().size() <= MAX_TEMPERATURES) {
            for (Precision precision : precisions(held, wanted, logits)) {
                RowFormat format = new RowFormat(selection, precision, logits);
                CachedSelection widened = new CachedSelection(format, positions, new int[0][], 0);
                if (CachedSelection.contains(widened, wanted, vocabularySize, false)
                        && CachedSelection.contains(widened, held, vocabularySize, false)) {
                    return widened;
                }
            }
        }
        return wanted;
    }

    private static List<Float> temperatures(CachedSelection held, CachedSelection wanted) {
        Set<Float> all = new LinkedHashSet<>(wanted.format().selection().temperatures());
        all.addAll(held.format().selection().temperatures());
        return List.copyOf(all);
    }

    /** The precisions to try: the one that both have, then the one that answers in any, and for any number of entries. */
    private static List<Precision> precisions(CachedSelection held, CachedSelection wanted, boolean rawLogits) {
        Precision precision = wanted.format().precision();
        return held.format().precision() == precision && !(rawLogits && precision == Precision.COMPACT)
                ? List.of(precision, Precision.EXACT)
                : List.of(Precision.EXACT);
    }

    private static int[] positions(CachedSelection held, CachedSelection wanted) {
        return IntStream.concat(Arrays.stream(held.positions()), Arrays.stream(wanted.positions()))
                .sorted()
                .distinct()
                .toArray();
    }
}
