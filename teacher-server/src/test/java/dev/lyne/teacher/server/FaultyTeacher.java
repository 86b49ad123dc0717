package dev.lyne.teacher.server;

import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.model.TeacherDescription;
import java.util.ArrayList;
import java.util.List;

/** A teacher between which and its model something goes wrong. */
final class FaultyTeacher implements LocalModel {
    /** Fault of the teacher. */
    interface Fault {
        List<ScoreOutcome> score(List<ScoreItem> items, Score score);
    }

    /** The model. */
    interface Score {
        List<ScoreOutcome> of(List<ScoreItem> items);
    }

    private final LocalModel teacher;
    private final Fault fault;

    FaultyTeacher(LocalModel teacher, Fault fault) {
        this.teacher = teacher;
        this.fault = fault;
    }

    /** Rows under the positions that others were asked for. */
    static List<ScoreOutcome> labelled(List<ScoreOutcome> outcomes, List<ScoreItem> items) {
        List<ScoreOutcome> labelled = new ArrayList<>();
        for (int i = 0; i < items.size(); i++) {
            RowColumns rows = ((ScoreOutcome.Scored) outcomes.get(i)).rows();
            labelled.add(new ScoreOutcome.Scored(
                    items.get(i).positions(),
                    new RowColumns(
                            rows.stride(),
                            rows.counts(),
                            rows.ids(),
                            rows.logProbabilities(),
                            rows.logTailMass(),
                            rows.labelLogProbability(),
                            rows.temperatureOffsets(),
                            rows.temperedLogTails(),
                            rows.drawCounts(),
                            rows.logits(),
                            rows.logSumExp())));
        }
        return labelled;
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
        return fault.score(items, asked -> teacher.score(asked, selection));
    }

    @Override
    public void close() {
        teacher.close();
    }
}
