package dev.lyne.wire;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The encoder writes nothing that the format forbids, in any precision. */
final class EncodingRulesTest {
    private static final int VOCABULARY = 60;
    private static final int ROWS = 3;
    private static final Selection SELECTION = new Selection.TopK(4, List.of(0.5f, 2f));

    private static Arguments row(Consumer<RowColumns> change, String message) {
        return Arguments.of(change, message);
    }

    static List<Arguments> forbidden() {
        return List.of(
                row(columns -> columns.logProbabilities()[5] = Float.NaN, "log-probability NaN"),
                row(columns -> columns.logProbabilities()[7] = Float.NEGATIVE_INFINITY, "log-probability -Infinity"),
                row(columns -> columns.logProbabilities()[0] = 0.5f, "log-probability 0.5"),
                row(columns -> columns.logProbabilities()[6] = columns.logProbabilities()[4], "row 1: log-probability"),
                row(columns -> columns.ids()[5] = columns.ids()[4], "twice in a row (expected: distinct ids)"),
                row(columns -> columns.ids()[5] = VOCABULARY, "token id 60 (expected: 0..59)"),
                row(columns -> columns.ids()[5] = -1, "token id -1 (expected: 0..59)"),
                row(columns -> columns.counts()[2] = 5, "row 2: 5 entries (expected: 1..4)"),
                row(columns -> columns.counts()[2] = 0, "row 2: 0 entries (expected: 1..4)"),
                row(columns -> columns.logTailMass()[1] = Float.NaN, "row 1: log tail mass NaN"),
                row(columns -> columns.logTailMass()[1] = -0f, "row 1: log tail mass -0.0"),
                row(columns -> columns.logTailMass()[1] = 0.1f, "row 1: log tail mass 0.1"),
                row(columns -> columns.logTailMass()[1] = Float.POSITIVE_INFINITY, "row 1: log tail mass Infinity"),
                row(columns -> columns.labelLogProbability()[0] = Float.NaN, "row 0: no label log-probability"),
                row(
                        columns -> columns.labelLogProbability()[0] = Float.NEGATIVE_INFINITY,
                        "row 0: label log-probability -Infinity"),
                row(columns -> columns.labelLogProbability()[2] = 1, "row 2: label log-probability 1.0"),
                row(columns -> columns.temperatureOffsets()[3] = Float.NaN, "row 1: temperature offset NaN"),
                row(
                        columns -> columns.temperatureOffsets()[3] = Float.NEGATIVE_INFINITY,
                        "row 1: temperature offset -Infinity"),
                row(columns -> columns.temperedLogTails()[2] = Float.NaN, "row 1: log tail mass at a temperature NaN"),
                row(columns -> columns.temperedLogTails()[2] = -0f, "row 1: log tail mass at a temperature -0.0"));
    }

    @ParameterizedTest
    @MethodSource("forbidden")
    void encode_whatTheFormatForbids_isRefused(Consumer<RowColumns> change, String message) {
        for (Precision precision : Precision.values()) {
            RowColumns columns = columns();
            change.accept(columns);
            assertThatThrownBy(() -> BlockEncoder.encode(header(precision), columns, 0))
                    .as("%s", precision)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(message);
        }
    }

    @Test
    void encode_logitsThatAreNotFinite_areRefused() {
        RowColumns columns = columns();
        columns.logits()[1] = Float.NaN;
        assertThatThrownBy(() -> BlockEncoder.encode(rawHeader(), columns, 0)).hasMessageContaining("row 0: logit NaN");
        RowColumns others = columns();
        others.logSumExp()[2] = Float.POSITIVE_INFINITY;
        assertThatThrownBy(() -> BlockEncoder.encode(rawHeader(), others, 0))
                .hasMessageContaining("row 2: log-sum-exp Infinity");
    }

    @Test
    void encode_offsetsWithoutTails_areRefused() {
        RowColumns whole = columns();
        var columns = new RowColumns(
                whole.stride(),
                whole.counts(),
                whole.ids(),
                whole.logProbabilities(),
                whole.logTailMass(),
                whole.labelLogProbability(),
                whole.temperatureOffsets(),
                new float[0],
                whole.drawCounts(),
                whole.logits(),
                whole.logSumExp());
        assertThatThrownBy(() -> BlockEncoder.encode(header(Precision.EXACT), columns, 0))
                .hasMessage("log tail masses at temperatures: 0 (expected: 6, 2 a row)");
    }

    private static RowColumns columns() {
        return new TeacherLikeRows(VOCABULARY, 2, new SplittableRandom(9)).columns(ROWS, SELECTION);
    }

    private static BlockHeader header(Precision precision) {
        int[] positions = IntStream.range(0, ROWS).toArray();
        return new BlockHeader(
                VOCABULARY, SELECTION, precision, false, new byte[32], new byte[16], new byte[16], positions);
    }

    private static BlockHeader rawHeader() {
        int[] positions = IntStream.range(0, ROWS).toArray();
        return new BlockHeader(
                VOCABULARY, SELECTION, Precision.EXACT, true, new byte[32], new byte[16], new byte[16], positions);
    }
}
