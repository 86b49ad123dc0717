package dev.lyne.teacher.batch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.Selection;
import dev.lyne.v1.SelectionKind;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Tests what positions count, by forwards that take what the test says. */
final class PositionWeightsTest {
    private static final int VOCABULARY = 50_000;
    private static final RowContent PLAIN = RowContent.topK(64);
    private static final RowContent TEMPERED = RowContent.of(new Selection.TopK(64, List.of(2f)));
    private static final RowContent WHOLE = RowContent.topK(VOCABULARY);

    private final PositionWeights weights = new PositionWeights(VOCABULARY);

    /** Forwards of sequences of a length, each of which takes so many nanoseconds a token. */
    private void forwards(
            int number, RowContent content, int sequences, int tokens, boolean full, double nanosPerToken) {
        ScoreItem item =
                new ScoreItem(new int[tokens], IntStream.range(0, tokens).toArray());
        List<ScoreItem> items = Collections.nCopies(sequences, item);
        for (int i = 0; i < number; i++) {
            weights.add(items, content, full, (long) (nanosPerToken * sequences * tokens));
        }
    }

    private void forwards(RowContent content, int sequences, int tokens, double nanosPerToken) {
        forwards(PositionWeights.LEAST_FORWARDS, content, sequences, tokens, false, nanosPerToken);
    }

    @Test
    void of_nothingMeasured_isOne() {
        assertThat(weights.of(100, WHOLE)).isEqualTo(1);
        forwards(WHOLE, 4, 256, 9_000);
        assertThat(weights.of(256, WHOLE)).as("with nothing plain beside it").isEqualTo(1);
    }

    @Test
    void of_whatTakesLonger_isHowMuchLongerOnceMeasuredOftenEnough() {
        forwards(PLAIN, 4, 256, 1_000);
        forwards(PositionWeights.LEAST_FORWARDS - 1, TEMPERED, 4, 256, false, 2_320);
        assertThat(weights.of(256, TEMPERED)).isEqualTo(1);
        forwards(1, TEMPERED, 4, 256, false, 2_320);
        assertThat(weights.of(256, TEMPERED)).isEqualTo(2.3);
        assertThat(weights.of(256, PLAIN)).isEqualTo(1);
        assertThat(weights.of(900, TEMPERED)).as("of its selection").isEqualTo(2.3);
        assertThat(weights.of(900, PLAIN)).isEqualTo(1);
        forwards(200, TEMPERED, 4, 256, false, 1_000);
        assertThat(weights.of(256, TEMPERED)).as("as it is by now").isEqualTo(1);
    }

    @Test
    void of_aLongSequence_isMoreWhereItTakesLonger() {
        forwards(PLAIN, 16, 256, 1_000);
        forwards(PLAIN, 1, 4_096, 1_700);
        assertThat(weights.of(4_096, PLAIN)).isEqualTo(1.7);
        assertThat(weights.of(256, PLAIN)).isEqualTo(1);
    }

    @Test
    void of_whatTakesLessOrFarMore_staysWithinBounds() {
        forwards(PLAIN, 4, 256, 1_000);
        forwards(TEMPERED, 4, 256, 300);
        assertThat(weights.of(256, TEMPERED)).isEqualTo(1);
        forwards(WHOLE, 4, 256, 900_000);
        assertThat(weights.of(256, WHOLE)).isEqualTo(PositionWeights.MOST);
        assertThat(weights.ofSelection(SelectionKind.SELECTION_KIND_DRAWS)).isEqualTo(1);
    }

    /** Small forwards take longer a position, whatever they are of. */
    @Test
    void of_smallForwards_isNotComparedWithLargeOnes() {
        forwards(PLAIN, 16, 256, 1_000);
        forwards(TEMPERED, 1, 64, 8_000);
        assertThat(weights.of(64, TEMPERED)).isEqualTo(1);
        forwards(PLAIN, 1, 64, 8_000);
        forwards(TEMPERED, 1, 64, 8_000);
        assertThat(weights.of(64, TEMPERED)).isEqualTo(1);
    }

    @Test
    void of_forwardsThatTheirEntriesKeepSmall_isComparedWithTheLargest() {
        forwards(PLAIN, 16, 256, 1_000);
        forwards(PositionWeights.LEAST_FORWARDS, WHOLE, 1, 256, true, 6_000);
        assertThat(weights.of(256, WHOLE)).isEqualTo(6);
    }

    /** As in a process that was suspended meanwhile. */
    @Test
    void of_oneForwardThatWasHeldUp_hardlyMoves() {
        forwards(PLAIN, 4, 256, 1_000);
        forwards(100, TEMPERED, 4, 256, false, 2_000);
        forwards(1, TEMPERED, 4, 256, false, 1e9);
        assertThat(weights.of(256, TEMPERED)).isBetween(2.0, 3.0);
    }
}
