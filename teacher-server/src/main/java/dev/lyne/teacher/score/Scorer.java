package dev.lyne.teacher.score;

import dev.lyne.row.Selection;
import dev.lyne.teacher.model.Failure;
import dev.lyne.v1.SelectionKind;
import dev.lyne.wire.RowFormat;
import java.util.Optional;
import java.util.Set;

/** Whatever answers checked sequences with encoded rows. Safe for several threads. */
public interface Scorer {
    /** The one format that there are rows of; empty where any is computed. */
    default Optional<RowFormat> only() {
        return Optional.empty();
    }

    /** The kinds of selection that there are rows of. */
    default Set<SelectionKind> selectionKinds() {
        return Selection.kinds();
    }

    /** Most entries of a row. */
    default int maxK() {
        return Integer.MAX_VALUE;
    }

    /** Why no sequence can be answered in that format, where none can. */
    default Optional<Failure> refusal(RowFormat format) {
        return Optional.empty();
    }

    /** Returns what its positions count in a quota: as many as they are, unless computing some takes longer. */
    default PositionWeight positionWeight() {
        return PositionWeight.ONE;
    }

    /** Answers a task, now or later. Never blocks. The waiter may be called before this returns. */
    CancellationHandle score(ScoreTask task, Callback callback);
}
