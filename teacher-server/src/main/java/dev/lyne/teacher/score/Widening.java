package dev.lyne.teacher.score;

import dev.lyne.wire.Precision;
import dev.lyne.wire.Selection;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * What to compute where rows are held under a key that do not answer a request: rows that answer it and whatever the held ones answer.
 * Else two students who ask for the same text differently, each at a temperature of its own, say, would replace each other's rows for
 * ever. With the widened rows in their place, one forward serves both from then on.
 */
final class Widening {
    /** Temperatures that cost more to keep than they spare. */
    private static final int MAX_TEMPERATURES = 16;

    private Widening() {}

    /** The wanted rows, widened by the held ones where that is possible: one computation answers both. */
    static CachedSelection of(CachedSelection held, CachedSelection wanted, int vocabularySize) {
        if (wanted.format().selection() instanceof Selection.Chosen) {
            return wanted;
        }
        if (CachedSelection.contains(wanted, held, vocabularySize, false)) {
            return wanted;
        }
        Selection selection = selection(
                        held.format().selection(), wanted.format().selection(), vocabularySize)
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

    /** A selection that holds both where one does; {@link #of} sees to it that it does. */
    private static Selection selection(Selection held, Selection wanted, int vocabularySize) {
        if (held instanceof Selection.TopPK one && wanted instanceof Selection.TopPK other) {
            return new Selection.TopPK(
                    Math.max(one.p(), other.p()),
                    Math.max(one.k(), other.k()),
                    other.truncationTemperature(),
                    other.temperatures());
        }
        if (held instanceof Selection.TopPK || wanted instanceof Selection.TopPK) {
            int k = Math.max(held.mostEntries(vocabularySize), wanted.mostEntries(vocabularySize));
            boolean labelOnly = held instanceof Selection.LabelOnly || wanted instanceof Selection.LabelOnly;
            return labelOnly
                    ? held instanceof Selection.TopPK ? held : wanted
                    : new Selection.TopK(k, wanted.temperatures());
        }
        return held.mostEntries(vocabularySize) > wanted.mostEntries(vocabularySize) ? held : wanted;
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
