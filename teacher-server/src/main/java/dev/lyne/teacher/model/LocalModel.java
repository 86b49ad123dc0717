package dev.lyne.teacher.model;

import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import java.util.List;
import java.util.Optional;

/**
 * A model in this process, behind the device thread of a {@link Teacher}. One thread, the one that owns its device, calls everything but
 * {@link #description}, {@link #tokenizer}, {@link #devices} and {@link #device}.
 */
public interface LocalModel extends AutoCloseable {
    /** Identity and bounds; the same for the teacher's whole life. */
    TeacherDescription description();

    /** The tokenizer's files, `tokenizer.json` first; none where there is no tokenizer. Safe for several threads. */
    default List<TokenizerFile> tokenizer() {
        return List.of();
    }

    /** Returns the model on each of its devices; each is called by a thread of its own, and closed by it. */
    default List<LocalModel> devices() {
        return List.of(this);
    }

    /** Names its device to people and in metrics, such as {@code cuda:0}. Safe for several threads. */
    default String device() {
        return "cpu";
    }

    /** Runs once what the first batch would otherwise pay for: kernels chosen, memory reserved. */
    void warmUp();

    /**
     * Scores sequences in one forward.
     *
     * @return one outcome an item, in order
     */
    List<ScoreOutcome> score(List<ScoreItem> items, RowContent content);

    /**
     * A decoder of the model, for the same thread, where it decodes; closed before the model is.
     *
     * @param maxCacheBytes most memory of keys and values
     */
    default Optional<LocalDecoder> decoder(long maxCacheBytes) {
        return Optional.empty();
    }

    @Override
    void close();
}
