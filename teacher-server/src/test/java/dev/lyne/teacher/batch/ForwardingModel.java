package dev.lyne.teacher.batch;

import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.model.TeacherDescription;
import java.util.List;

/** A model that asks another. */
abstract class ForwardingModel implements LocalModel {
    private final LocalModel model;

    ForwardingModel(LocalModel model) {
        this.model = model;
    }

    @Override
    public TeacherDescription description() {
        return model.description();
    }

    @Override
    public void warmUp() {
        model.warmUp();
    }

    @Override
    public List<ScoreOutcome> score(List<ScoreItem> items, RowContent content) {
        return model.score(items, content);
    }

    @Override
    public void close() {
        model.close();
    }
}
