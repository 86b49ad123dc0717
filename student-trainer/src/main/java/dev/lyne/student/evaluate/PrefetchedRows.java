package dev.lyne.student.evaluate;

import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.row.RowColumns;
import dev.lyne.student.tokens.Window;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;

/** A stream's answers, in order, asked for ahead of time as far as its window reaches. */
final class PrefetchedRows implements ReferenceTeacher.Answers {
    private final TargetStream stream;
    private final LongFunction<Window> windows;
    private final long count;
    private long nextOffered;
    private long nextTaken;

    /**
     * @param windows by their numbers from 0
     * @param count how many there are
     */
    PrefetchedRows(TargetStream stream, LongFunction<Window> windows, long count) {
        this.stream = stream;
        this.windows = windows;
        this.count = count;
        offerAhead();
    }

    @Override
    public List<RowColumns> next(List<Window> batch) throws InterruptedException {
        List<RowColumns> rows = new ArrayList<>();
        for (int i = 0; i < batch.size(); i++) {
            Targets targets = stream.take();
            if (targets.sequence().id() != nextTaken) {
                throw new IllegalStateException(
                        "targets of window " + targets.sequence().id() + " (expected: " + nextTaken + ")");
            }
            nextTaken++;
            offerAhead();
            rows.add(targets.columns());
        }
        return rows;
    }

    private void offerAhead() {
        while (nextOffered < count) {
            Window window = windows.apply(nextOffered);
            if (!stream.offer(new TargetSequence(
                    nextOffered, window.tokens(), window.positions(), new int[0][], window.teacherTokens()))) {
                return;
            }
            nextOffered++;
        }
    }
}
