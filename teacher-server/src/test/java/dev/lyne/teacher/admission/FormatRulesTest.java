package dev.lyne.teacher.admission;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.Failure.Reason;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.v1.OpenStream;
import dev.lyne.wire.RowFormat;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Rows that may be asked for, and the lines for those that may not. */
final class FormatRulesTest {
    private final Admission admission = new Admission(Openings.LIMITS, new SimpleMeterRegistry());

    private static OpenStream.Builder opening(Selection selection, Precision precision) {
        return Openings.opening().setSelection(selection.toMessage()).setPrecision(precision.toMessage());
    }

    private static OpenStream.Builder raw(OpenStream.Builder open) {
        open.getSelectionBuilder().setRawLogits(true);
        return open;
    }

    static Stream<Selection> selections() {
        return Stream.of(
                new Selection.TopK(50, List.of(2f, 0.5f)),
                new Selection.TopPK(0.9, 50, 2f, List.of()),
                new Selection.TopFraction(0.05, List.of()),
                new Selection.TopFraction(0.5, List.of(0.01f)),
                new Selection.Draws(40, 10, -5, List.of()),
                new Selection.Chosen(50, List.of(2f)),
                new Selection.LabelOnly(List.of(2f)));
    }

    @ParameterizedTest
    @MethodSource("selections")
    void open_anySelectionInAnyPrecision_isGranted(Selection selection) {
        for (Precision precision : Precision.values()) {
            OpenStream open = opening(selection, precision).build();
            StreamTerms terms = Openings.accepted(admission.open(open, Openings.TEACHER, Caller.ANYBODY));
            assertThat(terms.format()).isEqualTo(new RowFormat(selection, precision, false));
            assertThat(terms.bypassCache()).isEqualTo(selection instanceof Selection.Chosen);
        }
        OpenStream open =
                raw(opening(selection, Precision.HALF)).setShareChosen(true).build();
        StreamTerms terms = Openings.accepted(admission.open(open, Openings.TEACHER, Caller.ANYBODY));
        assertThat(terms.format().rawLogits()).isTrue();
        assertThat(terms.bypassCache()).isFalse();
    }

    static Stream<Arguments> refusals() {
        return Stream.of(
                Arguments.of(
                        raw(opening(new Selection.TopK(4, List.of()), Precision.COMPACT)),
                        "raw_logits in compact precision (expected: exact or half)"),
                Arguments.of(
                        opening(new Selection.TopFraction(0.51, List.of()), Precision.EXACT),
                        "k: 51 (expected: 1..50)"),
                Arguments.of(
                        opening(new Selection.Draws(45, 6, 1, List.of()), Precision.EXACT), "k: 51 (expected: 1..50)"),
                Arguments.of(
                        opening(new Selection.Draws(4, 101, 1, List.of()), Precision.EXACT),
                        "selection: head 101 (expected: 0..vocabulary_size=100)"),
                Arguments.of(opening(new Selection.Chosen(51, List.of()), Precision.EXACT), "k: 51 (expected: 1..50)"));
    }

    @ParameterizedTest
    @MethodSource("refusals")
    void open_whatCannotBe_isRefusedWithValueAndExpectation(OpenStream.Builder open, String line) {
        assertThat(Openings.refused(admission.open(open.build(), Openings.TEACHER, Caller.ANYBODY)))
                .isEqualTo(new Failure(Reason.INVALID_REQUEST, line));
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void open_temperatureOutOfBounds_isRefusedInEveryPrecision(Precision precision) {
        for (float temperature : new float[] {0.009f, 1e-40f, 0, -1, 1000.1f, Float.NaN, Float.POSITIVE_INFINITY}) {
            OpenStream.Builder open = opening(new Selection.TopK(4, List.of(2f)), precision);
            open.getSelectionBuilder().addTemperatures(temperature);
            assertThat(Openings.refused(admission.open(open.build(), Openings.TEACHER, Caller.ANYBODY)))
                    .isEqualTo(new Failure(
                            Reason.INVALID_REQUEST,
                            "selection: temperature " + temperature + " (expected: 0.01..1000.0)"));
        }
    }

    @Test
    void open_rowsLongerThanABlock_isRefused() {
        ServerLimits tight = ServerLimits.DEFAULT
                .withStream(4, 1_000, 16 << 20)
                .withRows(50, 2, 300)
                .withQueuedTokens(30);
        Admission admission = new Admission(tight, new SimpleMeterRegistry());

        assertThat(Openings.refused(admission.open(
                        opening(new Selection.TopK(40, List.of()), Precision.EXACT)
                                .build(),
                        Openings.TEACHER,
                        Caller.ANYBODY)))
                .isEqualTo(new Failure(
                        Reason.INVALID_REQUEST,
                        "selection: rows of up to 340 bytes (expected: rows that fit into a block of 300)"));
    }

    /** A stream with short rows may have more of them in flight. */
    @Test
    void open_coarserPrecision_isGrantedMoreTokens() {
        ServerLimits small = ServerLimits.DEFAULT
                .withStream(4, 1 << 20, 100_000)
                .withRows(50, 2, 1 << 20)
                .withQueuedTokens(30);
        Admission admission = new Admission(small, new SimpleMeterRegistry());
        Selection selection = new Selection.TopK(50, List.of());
        long[] granted = Stream.of(Precision.EXACT, Precision.HALF, Precision.COMPACT)
                .map(precision -> opening(selection, precision).build())
                .mapToLong(open -> Openings.accepted(admission.open(open, Openings.TEACHER, Caller.ANYBODY))
                        .creditTokens())
                .toArray();

        assertThat(granted).containsExactly(100_000 / 420, 100_000 / 320, 100_000 / 220);
    }
}
