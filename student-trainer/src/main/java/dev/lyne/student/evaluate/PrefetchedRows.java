package dev.lyne.student.evaluate;

import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.row.RowColumns;
import dev.lyne.student.tokens.Window;
import dev.lyne.student.tokens.Windows;
import java.util.ArrayList;
import java.util.List;

/** A stream's answers, in order, asked for ahead of time as far as its window reaches. */
final class PrefetchedRows implements ReferenceTeacher.Answers {
    private final TargetStream stream;
    private final Windows windows;
    private long nextOffered;
    private long nextTaken;

    PrefetchedRows(TargetStream stream, Windows windows) {
        this.stream = stream;
        this.windows = windows;
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
        while (nextOffered < windows.count()) {
            Window window = windows.window(nextOffered);
            if (!stream.offer(new TargetSequence(nextOffered, window.tokens(), window.positions()))) {
                return;
            }
            nextOffered++;
        }
    }
}
