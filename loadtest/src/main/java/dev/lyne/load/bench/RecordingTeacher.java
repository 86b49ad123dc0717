package dev.lyne.load.bench;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.model.TeacherDescription;
import java.util.ArrayList;
import java.util.List;

/** A teacher that remembers the batches it was given, so that exactly those can be run again without a server. */
final class RecordingTeacher implements LocalModel {
    private record Batch(List<ScoreItem> items, RowContent selection) {}

    private final LocalModel teacher;

    @GuardedBy("itself")
    private final List<Batch> batches = new ArrayList<>();

    RecordingTeacher(LocalModel teacher) {
        this.teacher = teacher;
    }

    @Override
    public TeacherDescription description() {
        return teacher.description();
    }

    @Override
    public void warmUp() {
        teacher.warmUp();
    }

    @Override
    public List<ScoreOutcome> score(List<ScoreItem> items, RowContent selection) {
        synchronized (batches) {
            batches.add(new Batch(List.copyOf(items), selection));
        }
        return teacher.score(items, selection);
    }

    /** Forgets the batches. */
    void forget() {
        synchronized (batches) {
            batches.clear();
        }
    }

    /** How many batches it remembers. */
    int batches() {
        synchronized (batches) {
            return batches.size();
        }
    }

    /** Runs the remembered batches again, in order; tells how many positions they scored. */
    long replay() {
        List<Batch> recorded;
        synchronized (batches) {
            recorded = List.copyOf(batches);
        }
        return score(recorded);
    }

    /** Runs the remembered sequences again in batches as full as the budget allows; tells how many positions they scored. */
    long replayFull(int maxTokens) {
        List<Batch> full = new ArrayList<>();
        synchronized (batches) {
            List<ScoreItem> items = new ArrayList<>();
            int tokens = 0;
            for (Batch batch : batches) {
                for (ScoreItem item : batch.items()) {
                    if (!items.isEmpty() && tokens + item.tokens().length > maxTokens) {
                        full.add(new Batch(List.copyOf(items), batch.selection()));
                        items.clear();
                        tokens = 0;
                    }
                    items.add(item);
                    tokens += item.tokens().length;
                }
            }
            if (!items.isEmpty()) {
                full.add(new Batch(List.copyOf(items), batches.get(0).selection()));
            }
        }
        return score(full);
    }

    private long score(List<Batch> all) {
        long positions = 0;
        for (Batch batch : all) {
            for (ScoreOutcome outcome : teacher.score(batch.items(), batch.selection())) {
                if (!(outcome instanceof ScoreOutcome.Scored scored)) {
                    throw new IllegalStateException("the teacher could not score a random sequence: " + outcome);
                }
                positions += scored.rows().rows();
            }
        }
        return positions;
    }

    @Override
    public void close() {
        teacher.close();
    }
}
