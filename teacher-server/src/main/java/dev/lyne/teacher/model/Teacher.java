package dev.lyne.teacher.model;

import dev.lyne.row.RowContent;
import dev.lyne.row.Selection;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.v1.SelectionKind;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.stream.Collectors;

/**
 * Whatever computes rows, asked for a sequence at a time and answering when it can: a local model with its device thread, an inference
 * engine elsewhere. The server keeps its rows and shares its computations. Safe for several threads; nothing blocks but {@link #close}.
 */
public interface Teacher {
    /** Identity and bounds; the same for the teacher's whole life. */
    TeacherDescription description();

    /** The tokenizer's files, `tokenizer.json` first; none where there is no tokenizer. */
    default List<TokenizerFile> tokenizer() {
        return List.of();
    }

    /** The kinds of selection that it computes rows of; students see them before they ask. */
    default Set<SelectionKind> selectionKinds() {
        return Selection.kinds();
    }

    /**
     * Why it cannot compute such rows, in a line with the value and the expectation, where it cannot: asked when a stream opens, so that
     * none of its sequences fails for it.
     */
    default Optional<String> refusal(RowContent content) {
        Set<SelectionKind> kinds = selectionKinds();
        return kinds.contains(content.selection().kind())
                ? Optional.empty()
                : Optional.of("selection: " + content.selection() + " (expected: "
                        + kinds.stream()
                                .sorted()
                                .map(kind -> kind.name()
                                        .replaceFirst("SELECTION_KIND_", "")
                                        .toLowerCase(Locale.ROOT))
                                .collect(Collectors.joining(", "))
                        + ", which is what teacher " + description().name() + " computes)");
    }

    /** Most entries of a row that it computes. */
    default int maxK() {
        return Integer.MAX_VALUE;
    }

    /**
     * Returns whether the teacher answers now: false while what it depends on is gone, or is another model than it was.
     * Health follows it.
     */
    default boolean serving() {
        return true;
    }

    /** Somebody waits for rows that were scored to be vouched for: that should be as soon as it can be. Calls no job: locks may be held. */
    default void vouchSoon() {}

    /**
     * Refuses a sequence from now on that would wait longer for its turn, and gives up what has; a device's queue has
     * its own bound.
     */
    default void limitQueue(Duration longest) {}

    /** Registers what it counts beside what the server counts of every teacher. */
    default void bindTo(MeterRegistry registry) {}

    /** Completes when it can answer without delay; fails with what keeps it from that for good. */
    CompletionStage<Void> warm();

    /**
     * Takes a sequence on, and tells it later, on a thread of the teacher's own.
     *
     * @return false where the teacher is closed and takes none; then the job is told nothing
     */
    boolean score(ScoreJob job);

    /**
     * Returns the decoder of texts, where the teacher decodes elsewhere; a local model's {@link LocalModel#decoder} is
     * not one of these.
     */
    default Optional<RemoteDecoder> decoder() {
        return Optional.empty();
    }

    /**
     * Notes that others wait for a sequence now than before, or for one that is not taken on yet. Calls no job but
     * {@link ScoreJob#flows}: locks are held.
     */
    default void flowsChanged(ScoreJob job) {}

    /**
     * Why one more is not to wait for a sequence that waits for its turn already: that would come too late. Calls no
     * job but {@link ScoreJob#flows}: locks are held.
     *
     * @param flow of who would join
     * @param nanosLeft how long who would join waits at most
     */
    default Optional<Failure> refusalToJoin(ScoreJob job, Flow flow, long nanosLeft) {
        return Optional.empty();
    }

    /**
     * What each position of a sequence counts in a quota, at least 1: how much longer it takes than a plain one, where that is measured. Never waits.
     *
     * @param tokens of the sequence
     */
    default double positionWeight(int tokens, RowContent content) {
        return 1;
    }

    /** Lets go of a sequence that nobody waits for any more; one that has started may run to its end. Calls no job: locks are held. */
    void withdraw(ScoreJob job);

    /** Returns the lines of what waits for its turn, by class and tenant; none where nothing waits in turns. */
    default List<QueueLine> queueLines() {
        return List.of();
    }

    /** Positions worked through, whatever came of them; moves while the teacher does. */
    long devicePositions();

    /** Completes when the teacher takes no more work: with what ended it, or with nothing after {@link #close}. */
    CompletionStage<Optional<Throwable>> ended();

    /**
     * Fails what waits, and ends.
     *
     * @param waitNanos how long what has started is waited for
     * @return false where that was not over by then, and goes on
     */
    boolean close(long waitNanos) throws InterruptedException;
}
