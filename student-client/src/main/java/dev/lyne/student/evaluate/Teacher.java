package dev.lyne.student.evaluate;

import dev.lyne.lm.scoring.BatchScorer;
import dev.lyne.lm.scoring.SelectedRows;
import dev.lyne.student.client.TargetSequence;
import dev.lyne.student.client.TargetStream;
import dev.lyne.student.client.Targets;
import dev.lyne.student.tokens.Window;
import java.util.ArrayList;
import java.util.List;

/** What a model is compared with: the most probable token at each position with loss. */
public interface Teacher {
    /** For each window, the teacher's most probable token at each of its positions. */
    List<int[]> topTokens(List<Window> windows) throws InterruptedException;

    /** A model in this process. */
    static Teacher of(BatchScorer model) {
        return windows -> {
            List<int[]> tops = new ArrayList<>();
            for (SelectedRows rows : Evaluator.score(model, windows)) {
                tops.add(firsts(rows.ids(), rows.stride(), rows.rows()));
            }
            return tops;
        };
    }

    /** A teacher server; its rows have to keep at least one entry, most probable first. */
    static Teacher of(TargetStream stream) {
        return windows -> {
            List<int[]> tops = new ArrayList<>();
            for (int next = 0; tops.size() < windows.size(); ) {
                while (next < windows.size()) {
                    Window window = windows.get(next);
                    if (!stream.offer(new TargetSequence(next, window.tokens(), window.positions()))) {
                        break;
                    }
                    next++;
                }
                Targets targets = stream.take();
                tops.add(firsts(targets.ids(), targets.stride(), targets.rows()));
            }
            return tops;
        };
    }

    private static int[] firsts(int[] ids, int stride, int rows) {
        int[] firsts = new int[rows];
        for (int row = 0; row < rows; row++) {
            firsts[row] = ids[row * stride];
        }
        return firsts;
    }
}
