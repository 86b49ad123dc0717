package dev.lyne.teacher.admission;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.Failure.Reason;
import dev.lyne.teacher.score.ScoreTask;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.v1.ChosenTokens;
import dev.lyne.v1.Sequence;
import dev.lyne.wire.Digests;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Ids that a student names: as many lists as positions, in range, distinct, not too many. */
final class ChosenIdsTest {
    private final Admission admission = new Admission(Openings.LIMITS, new SimpleMeterRegistry());

    private StreamTerms terms(Selection selection) {
        return Openings.accepted(admission.open(
                Openings.opening()
                        .setSelection(selection.toMessage())
                        .setPrecision(Precision.HALF.toMessage())
                        .build(),
                Openings.TEACHER,
                Caller.ANYBODY));
    }

    private static Sequence sequence(Integer[]... chosen) {
        int[] tokens = {1, 2, 3};
        Sequence.Builder sequence =
                Sequence.newBuilder().addAllTokenIds(List.of(1, 2, 3)).setTokenIdsCrc32C(Digests.tokenChecksum(tokens));
        for (Integer[] ids : chosen) {
            sequence.addChosen(ChosenTokens.newBuilder().addAllTokenIds(Arrays.asList(ids)));
        }
        return sequence.build();
    }

    private static Integer[] ids(Integer... ids) {
        return ids;
    }

    @Test
    void admit_chosenIds_areTheItems() {
        StreamTerms terms = terms(new Selection.Chosen(3, List.of()));
        ScoreTask task = Openings.accepted(admission.admit(sequence(ids(9, 4, 99), ids()), terms, 0));

        assertThat(Arrays.deepEquals(task.item().chosen(), new int[][] {{9, 4, 99}, {}}))
                .isTrue();
        assertThat(task.bypassCache()).isTrue();
    }

    static Stream<Arguments> refusals() {
        return Stream.of(
                Arguments.of(sequence(ids(1)), "chosen: 1 lists (expected: one for each of the 2 positions)"),
                Arguments.of(sequence(), "chosen: 0 lists (expected: one for each of the 2 positions)"),
                Arguments.of(
                        sequence(ids(1), ids(1, 2, 3, 4)),
                        "chosen[1]: 4 token_ids (expected: at most the selection's k=3)"),
                Arguments.of(
                        sequence(ids(1), ids(1, 100)),
                        "chosen[1].token_ids[1]: 100 (expected: below vocabulary_size=100)"),
                Arguments.of(
                        sequence(ids(-1), ids()),
                        "chosen[0].token_ids[0]: 4294967295 (expected: below vocabulary_size=100)"),
                Arguments.of(sequence(ids(7, 1, 7), ids()), "chosen[0]: token 7 twice (expected: distinct token_ids)"));
    }

    @ParameterizedTest
    @MethodSource("refusals")
    void admit_badIds_isRefusedWithValueAndExpectation(Sequence sequence, String line) {
        StreamTerms terms = terms(new Selection.Chosen(3, List.of()));

        assertThat(Openings.refused(admission.admit(sequence, terms, 0)))
                .isEqualTo(new Failure(Reason.INVALID_REQUEST, line));
    }

    @Test
    void admit_idsForAnotherSelection_isRefused() {
        StreamTerms terms = terms(new Selection.TopK(3, List.of()));

        assertThat(Openings.refused(admission.admit(sequence(ids(1), ids(2)), terms, 0)))
                .isEqualTo(new Failure(
                        Reason.INVALID_REQUEST,
                        "chosen: 2 lists (expected: none, the stream's selection being another)"));
    }
}
