package dev.lyne.student.evaluate;

import dev.lyne.client.TargetStream;
import dev.lyne.lm.scoring.BatchScorer;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.student.tokens.Window;
import dev.lyne.student.tokens.Windows;
import java.util.List;

/** A reference that a model is compared with: a teacher's most probable tokens at each position with loss. */
public interface ReferenceTeacher {
    /** Starts to go through the windows, in their order. */
    Answers over(Windows windows);

    /** The teacher's answers, window after window. One thread uses it. */
    interface Answers {
        /** Returns the rows of the positions of each of the next windows, which are these. */
        List<RowColumns> next(List<Window> windows) throws InterruptedException;
    }

    /**
     * A model in this process.
     *
     * @param k tokens of a row, the most probable ones
     */
    static ReferenceTeacher of(BatchScorer model, int k) {
        return all -> windows ->
                Evaluator.score(model, windows.stream().map(Window::forTeacher).toList(), RowContent.topK(k));
    }

    /**
     * A teacher server, or a capture; its rows have to keep at least one entry, most probable first. Windows are asked for ahead of
     * time, as far as the stream's window reaches, so that the server works while the model does.
     */
    static ReferenceTeacher of(TargetStream stream) {
        return windows -> {
            if (windows.hasTeacherPrompts()) {
                windows.requireSeenBy(stream.teacher().contextLength());
            }
            return new PrefetchedRows(stream, windows::window, windows.count());
        };
    }
}
