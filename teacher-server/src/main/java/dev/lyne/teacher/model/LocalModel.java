package dev.lyne.teacher.model;

import dev.lyne.lm.scoring.ScoreItem;
import dev.lyne.lm.scoring.ScoreOutcome;
import dev.lyne.row.RowContent;
import java.util.List;

/**
 * A model in this process, behind the device thread of a {@link Teacher}. One thread, the one that owns its device, calls everything but
 * {@link #description} and {@link #tokenizer}.
 */
public interface LocalModel extends AutoCloseable {
    /** Identity and bounds; the same for the teacher's whole life. */
    TeacherDescription description();

    /** The tokenizer's files, `tokenizer.json` first; none where there is no tokenizer. Safe for several threads. */
    default List<TokenizerFile> tokenizer() {
        return List.of();
    }

    /** Runs once what the first batch would otherwise pay for: kernels chosen, memory reserved. */
    void warmUp();

    /**
     * Scores sequences in one forward.
     *
     * @return one outcome an item, in order
     */
    List<ScoreOutcome> score(List<ScoreItem> items, RowContent content);

    @Override
    void close();
}
