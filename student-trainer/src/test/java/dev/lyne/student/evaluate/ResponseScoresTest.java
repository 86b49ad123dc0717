package dev.lyne.student.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ResponseScoresTest {
    @ParameterizedTest
    @CsvSource({
        // Lin (2004): the longest common subsequence is "police the gunman" of 4 and 4 words, then "the gunman" of 4
        // and 4.
        "police killed the gunman, police kill the gunman, .75",
        "police killed the gunman, the gunman kill police, .5",
        "police killed the gunman, Police KILLED the-gunman!, 1",
        "a b c d e f, a c, .5",
        "one, two, 0",
    })
    void rougeL_knownTexts_isTheFMeasure(String reference, String response, double expected) {
        assertThat(ResponseScores.rougeL(reference, response)).isEqualTo(expected, within(1e-12));
    }

    @Test
    void rougeL_textsWithoutWords_areEqualOrShareNothing() {
        assertThat(ResponseScores.rougeL("", " ...")).isEqualTo(1);
        assertThat(ResponseScores.rougeL("word", "")).isZero();
        assertThat(ResponseScores.rougeL("", "word")).isZero();
    }

    @Test
    void distinct_sharedGrams_countOnce() {
        List<int[]> responses = List.of(new int[] {1, 2, 1, 2}, new int[] {1, 2});
        assertThat(ResponseScores.distinct(responses, 1)).isEqualTo(2 / 6.0);
        assertThat(ResponseScores.distinct(responses, 2)).isEqualTo(2 / 4.0);
        assertThat(ResponseScores.distinct(responses, 5)).isZero();
    }

    @Test
    void repeated_loop_isNearlyAllOfIt() {
        assertThat(ResponseScores.repeated(new int[] {7, 7, 7, 7, 7}, 2)).isEqualTo(.75);
        assertThat(ResponseScores.repeated(new int[] {1, 2, 3}, 2)).isZero();
        assertThat(ResponseScores.repeated(new int[] {1}, 2)).isZero();
        assertThatThrownBy(() -> ResponseScores.repeated(new int[] {1}, 0)).hasMessage("n: 0 (expected: 1 or more)");
    }

    @Test
    void excess_equalErrors_isNothing() {
        List<double[]> errors = List.of(new double[] {.1, .2, .3}, new double[] {.3, .2});
        assertThat(ExposureBias.excess(errors, errors, 3)).isEqualTo(0, within(1e-12));
    }

    @Test
    void excess_errorThatGrowsOnOwnText_isItsShareAboveTheTeachers() {
        List<double[]> own = List.of(new double[] {.1, .3}, new double[] {.1, .5});
        List<double[]> teachers = List.of(new double[] {.1, .1});
        assertThat(ExposureBias.excess(own, teachers, 1)).isEqualTo(0, within(1e-12));
        assertThat(ExposureBias.excess(own, teachers, 2)).isEqualTo(100 * (.5 - .2) / .2, within(1e-9));
        assertThatThrownBy(() -> ExposureBias.excess(own, teachers, 3))
                .hasMessage("length: 3 (expected: at most the longest of the students' responses)");
    }
}
