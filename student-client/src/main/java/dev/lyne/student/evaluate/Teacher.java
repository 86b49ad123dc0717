package dev.lyne.student.evaluate;

import dev.lyne.lm.scoring.BatchScorer;
import dev.lyne.lm.scoring.SelectedRows;
import dev.lyne.student.client.TargetStream;
import dev.lyne.student.tokens.Window;
import dev.lyne.student.tokens.Windows;
import java.util.ArrayList;
import java.util.List;

/** What a model is compared with: the most probable token at each position with loss. */
public interface Teacher {
    /** Starts to go through the windows, in their order. */
    TopTokens over(Windows windows);

    /** The teacher's answers, window after window. One thread uses it. */
    interface TopTokens {
        /** For each of the next windows, which are these, the most probable token at each of its positions. */
        List<int[]> next(List<Window> windows) throws InterruptedException;
    }

    /** A model in this process. */
    static Teacher of(BatchScorer model) {
        return all -> windows -> {
            List<int[]> tops = new ArrayList<>();
            for (SelectedRows rows : Evaluator.score(model, windows)) {
                tops.add(firsts(rows.ids(), rows.stride(), rows.rows()));
            }
            return tops;
        };
    }

    /**
     * A teacher server; its rows have to keep at least one entry, most probable first. Windows are asked for ahead of time, as
     * far as the stream's window reaches, so that the server works while the model does.
     */
    static Teacher of(TargetStream stream) {
        return windows -> new PrefetchedTopTokens(stream, windows);
    }

    /** The first entry of each row. */
    static int[] firsts(int[] ids, int stride, int rows) {
        int[] firsts = new int[rows];
        for (int row = 0; row < rows; row++) {
            firsts[row] = ids[row * stride];
        }
        return firsts;
    }
}
