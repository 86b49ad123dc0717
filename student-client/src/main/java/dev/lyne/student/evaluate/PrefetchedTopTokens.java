package dev.lyne.student.evaluate;

import dev.lyne.student.client.TargetSequence;
import dev.lyne.student.client.TargetStream;
import dev.lyne.student.client.Targets;
import dev.lyne.student.tokens.Window;
import dev.lyne.student.tokens.Windows;
import java.util.ArrayList;
import java.util.List;

/** A stream's answers, in order, asked for ahead of time as far as its window reaches. */
final class PrefetchedTopTokens implements Teacher.TopTokens {
    private final TargetStream stream;
    private final Windows windows;
    private long nextOffered;
    private long nextTaken;

    PrefetchedTopTokens(TargetStream stream, Windows windows) {
        this.stream = stream;
        this.windows = windows;
        offerAhead();
    }

    @Override
    public List<int[]> next(List<Window> batch) throws InterruptedException {
        List<int[]> tops = new ArrayList<>();
        for (int i = 0; i < batch.size(); i++) {
            Targets targets = stream.take();
            if (targets.sequence().id() != nextTaken) {
                throw new IllegalStateException(
                        "targets of window " + targets.sequence().id() + " (expected: " + nextTaken + ")");
            }
            nextTaken++;
            offerAhead();
            tops.add(Teacher.firsts(targets.ids(), targets.stride(), targets.rows()));
        }
        return tops;
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
