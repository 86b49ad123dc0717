package dev.lyne.teacher.cache;

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
    static Holdings of(Holdings held, Holdings wanted, int vocabularySize) {
        if (wanted.format().selection() instanceof Selection.Chosen) {
            return wanted;
        }
        Selection selection =
                selection(held.format().selection(), wanted.format().selection(), vocabularySize);
        RowFormat format = new RowFormat(
                selection.withTemperatures(temperatures(held, wanted)),
                precision(held, wanted),
                held.format().rawLogits() || wanted.format().rawLogits());
        Holdings widened = new Holdings(format, positions(held, wanted), new int[0][], 0);
        boolean possible = format.selection().temperatures().size() <= MAX_TEMPERATURES
                && !Holdings.contains(wanted, held, vocabularySize, false)
                && Holdings.contains(widened, wanted, vocabularySize, false)
                && Holdings.contains(widened, held, vocabularySize, false);
        return possible ? widened : wanted;
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
            boolean dataOnly = held instanceof Selection.DataOnly || wanted instanceof Selection.DataOnly;
            return dataOnly
                    ? held instanceof Selection.TopPK ? held : wanted
                    : new Selection.TopK(k, wanted.temperatures());
        }
        return held.mostEntries(vocabularySize) > wanted.mostEntries(vocabularySize) ? held : wanted;
    }

    private static List<Float> temperatures(Holdings held, Holdings wanted) {
        Set<Float> all = new LinkedHashSet<>(wanted.format().selection().temperatures());
        all.addAll(held.format().selection().temperatures());
        return List.copyOf(all);
    }

    private static Precision precision(Holdings held, Holdings wanted) {
        Precision precision = wanted.format().precision();
        boolean answersBoth = held.format().precision() == precision
                && (precision != Precision.HALF || held.format().sameEntries(wanted.format()));
        return answersBoth ? precision : Precision.EXACT;
    }

    private static int[] positions(Holdings held, Holdings wanted) {
        return IntStream.concat(Arrays.stream(held.positions()), Arrays.stream(wanted.positions()))
                .sorted()
                .distinct()
                .toArray();
    }
}
