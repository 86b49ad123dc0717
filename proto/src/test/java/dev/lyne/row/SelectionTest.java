package dev.lyne.row;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.json.JsonMapper;

final class SelectionTest {
    private static final int VOCABULARY = 1_000;
    private static final List<Float> NONE = List.of();

    static List<Selection> everyKind() {
        List<Float> temperatures = List.of(2f, 0.5f);
        return List.of(
                new Selection.TopK(7, temperatures),
                new Selection.TopPK(0.9, 64, 1f, NONE),
                new Selection.TopPK(0.9, 64, 2f, temperatures),
                new Selection.TopFraction(0.05, NONE),
                new Selection.Draws(50, 8, -3, temperatures),
                new Selection.Chosen(16, NONE),
                new Selection.LabelOnly(temperatures));
    }

    @Test
    void kinds_areThoseOfAllSelections() {
        assertThat(Selection.kinds())
                .containsExactlyInAnyOrderElementsOf(
                        everyKind().stream().map(Selection::kind).distinct().toList());
    }

    @Test
    void everyKind_isAllThereAre() {
        assertThat(everyKind().stream().map(Object::getClass).distinct())
                .hasSameSizeAs(Selection.class.getPermittedSubclasses());
    }

    @ParameterizedTest
    @MethodSource("everyKind")
    void everyForm_readBack_isTheSelection(Selection selection) {
        assertThat(Selection.of(selection.toMessage())).isEqualTo(selection);
        assertThat(Selection.of(selection.code(VOCABULARY), selection.temperatures()))
                .isEqualTo(selection);
        String json = JsonMapper.shared().writeValueAsString(selection);
        assertThat(JsonMapper.shared().readValue(json, Selection.class)).isEqualTo(selection);
    }

    @ParameterizedTest
    @MethodSource("everyKind")
    void contains_itself_andWhatItIsComputedFrom(Selection selection) {
        assertThat(selection.contains(selection, VOCABULARY, 0)).isTrue();
        assertThat(selection.computed().contains(selection, VOCABULARY, 0)).isTrue();
        assertThat(selection.computed().family()).isEqualTo(selection.family());
    }

    @ParameterizedTest
    @CsvSource({
        "top_k=64, top_k top_k=64",
        "top_p_k=0.9/64, top_p_k top_p=0.9 top_k=64 truncated_at=1.0",
        "top_fraction=0.05, top_fraction top_fraction=0.05",
        "draws=50, draws draws=50 head=0 draw_seed=3",
        "draws=50/8, draws draws=50 head=8 draw_seed=3",
        "chosen=16, chosen top_k=16",
        "label_only, label_only"
    })
    void parse_everyForm_isRead(String text, String expected) {
        assertThat(Selection.parse(text, 3).orElseThrow()).hasToString(expected);
    }

    @Test
    void parse_whatIsNoSelection_isNone() {
        for (String text : List.of("top_k", "top_k=1/2", "top_p_k=0.9", "label_only=1", "min_p=0.1", "")) {
            assertThat(Selection.parse(text, 1)).as(text).isEmpty();
        }
    }

    @Test
    void parse_wrongNumberOrOldName_isRefusedWithTheExpectation() {
        assertThatThrownBy(() -> Selection.parse("top_k=x", 1)).hasMessage("selection: x (expected: a whole number)");
        assertThatThrownBy(() -> Selection.parse("top_k=0", 1))
                .hasMessage("selection: k 0 (expected: 1..vocabulary_size)");
        assertThatThrownBy(() -> Selection.parse("data_only", 1))
                .hasMessage("selection: data_only is an old name (expected: label_only)");
    }

    @Test
    void computed_topPKAtTemperature1_isItsKMostProbable() {
        assertThat(new Selection.TopPK(0.9, 64, 1f, List.of(2f)).computed())
                .isEqualTo(new Selection.TopK(64, List.of(2f)));
        assertThat(new Selection.TopPK(0.9, 64, 2f, NONE).computed()).isEqualTo(new Selection.TopPK(0.9, 64, 2f, NONE));
    }

    @Test
    void narrowed_topPK_endsWhereTheMassReachesP() {
        float[] row = {(float) Math.log(0.5), (float) Math.log(0.25), (float) Math.log(0.125)};
        Selection held = new Selection.TopK(3, NONE);
        assertThat(new Selection.TopPK(0.75, 3, 1f, NONE).narrowed(held, row, 0, 3, VOCABULARY))
                .isEqualTo(2);
        assertThat(new Selection.TopPK(0.76, 3, 1f, NONE).narrowed(held, row, 0, 3, VOCABULARY))
                .isEqualTo(3);
        assertThat(new Selection.TopPK(Double.MIN_VALUE, 3, 1f, NONE).narrowed(held, row, 0, 3, VOCABULARY))
                .as("the most probable token is always kept")
                .isEqualTo(1);
        assertThat(new Selection.TopK(1, NONE).narrowed(held, row, 0, 3, VOCABULARY))
                .isEqualTo(1);
        assertThat(new Selection.LabelOnly(NONE).narrowed(held, row, 0, 3, VOCABULARY))
                .isZero();
    }

    @Test
    void widenedBy_anotherPrefix_answersBoth() {
        List<Selection> prefixes = List.of(
                new Selection.TopK(7, NONE),
                new Selection.TopPK(0.9, 64, 1f, NONE),
                new Selection.TopPK(0.5, 99, 1f, NONE),
                new Selection.TopFraction(0.05, NONE),
                new Selection.LabelOnly(NONE));
        for (Selection held : prefixes) {
            for (Selection wanted : prefixes) {
                Selection wider = wanted.widenedBy(held, VOCABULARY);
                assertThat(wider.contains(held, VOCABULARY, 0))
                        .as("%s of %s and %s", wider, held, wanted)
                        .isTrue();
                assertThat(wider.contains(wanted, VOCABULARY, 0))
                        .as("%s of %s and %s", wider, held, wanted)
                        .isTrue();
            }
        }
    }
}
