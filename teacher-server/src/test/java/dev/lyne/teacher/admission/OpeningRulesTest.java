package dev.lyne.teacher.admission;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.Failure.Reason;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.Selection;
import dev.lyne.v1.TeacherDigests;
import dev.lyne.v1.TopK;
import dev.lyne.v1.TopPK;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.HexFormat;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every rule for opening a stream, with the line that a student reads. */
final class OpeningRulesTest {
    private final Admission admission = new Admission(Openings.LIMITS, new SimpleMeterRegistry());

    private static Arguments bad(String name, UnaryOperator<OpenStream.Builder> change, Reason reason, String line) {
        return Arguments.of(name, change.apply(Openings.opening()).build(), reason, line);
    }

    private static OpenStream.Builder topPK(OpenStream.Builder open, double p, int k, float truncation) {
        return open.setSelection(Selection.newBuilder()
                .setTopPK(TopPK.newBuilder().setP(p).setK(k).setTruncationTemperature(truncation)));
    }

    private static OpenStream.Builder temperatures(OpenStream.Builder open, Float... temperatures) {
        return open.setSelection(open.getSelection().toBuilder().addAllTemperatures(List.of(temperatures)));
    }

    static Stream<Arguments> badOpenings() {
        ByteString other = ByteString.copyFrom(new byte[32]);
        String actual = HexFormat.of().formatHex(Openings.TEACHER.modelDigest());
        return Stream.of(
                bad(
                        "k 0",
                        open -> open.setSelection(Selection.newBuilder().setTopK(TopK.getDefaultInstance())),
                        Reason.INVALID_REQUEST,
                        "selection: k 0 (expected: 1..vocabulary_size)"),
                bad(
                        "k past the limit",
                        open -> open.setSelection(
                                Selection.newBuilder().setTopK(TopK.newBuilder().setK(51))),
                        Reason.INVALID_REQUEST,
                        "k: 51 (expected: 1..50)"),
                bad(
                        "k past the vocabulary",
                        open -> open.setSelection(
                                Selection.newBuilder().setTopK(TopK.newBuilder().setK(101))),
                        Reason.INVALID_REQUEST,
                        "selection: k 101 (expected: 1..vocabulary_size=100)"),
                bad(
                        "p 0",
                        open -> topPK(open, 0, 4, 0),
                        Reason.INVALID_REQUEST,
                        "selection: p 0.0 (expected: above 0, at most 1)"),
                bad(
                        "p not a number",
                        open -> topPK(open, Double.NaN, 4, 0),
                        Reason.INVALID_REQUEST,
                        "selection: p NaN (expected: above 0, at most 1)"),
                bad(
                        "truncation temperature negative",
                        open -> topPK(open, 0.5, 4, -1),
                        Reason.INVALID_REQUEST,
                        "selection: truncation_temperature -1.0 (expected: 0.01..1000.0)"),
                bad(
                        "temperature 0",
                        open -> temperatures(open, 0f),
                        Reason.INVALID_REQUEST,
                        "selection: temperature 0.0 (expected: 0.01..1000.0)"),
                bad(
                        "temperature twice",
                        open -> temperatures(open, 2f, 2f),
                        Reason.INVALID_REQUEST,
                        "selection: temperatures [2.0, 2.0] (expected: distinct)"),
                bad(
                        "temperatures too many",
                        open -> temperatures(open, 2f, 3f, 4f),
                        Reason.INVALID_REQUEST,
                        "temperatures: 3 (expected: at most 2)"),
                bad(
                        "no rule",
                        OpenStream.Builder::clearSelection,
                        Reason.INVALID_REQUEST,
                        "selection: no rule (expected: top_k, top_p_k, top_fraction, draws, chosen or label_only)"),
                bad(
                        "no precision",
                        OpenStream.Builder::clearPrecision,
                        Reason.INVALID_REQUEST,
                        "precision: 0 (expected: exact, half or compact)"),
                bad(
                        "unknown precision",
                        open -> open.setPrecisionValue(9),
                        Reason.INVALID_REQUEST,
                        "precision: 9 (expected: exact, half or compact)"),
                bad(
                        "student's name too long",
                        open -> open.setStudent("s".repeat(129)),
                        Reason.INVALID_REQUEST,
                        "student: 129 characters (expected: at most 128)"),
                bad(
                        "other model",
                        open -> open.setExpectedDigests(
                                TeacherDigests.newBuilder().setModelSha256(other)),
                        Reason.TEACHER_MISMATCH,
                        "expected_digests.model_sha256: " + "00".repeat(32) + " (expected: the teacher's " + actual
                                + ")"),
                bad(
                        "other tokenizer",
                        open -> open.setExpectedDigests(
                                TeacherDigests.newBuilder().setTokenizerSha256(other)),
                        Reason.TEACHER_MISMATCH,
                        "expected_digests.tokenizer_sha256: " + "00".repeat(32) + " (expected: the teacher's "
                                + "09".repeat(32) + ")"),
                bad(
                        "other vocabulary",
                        open -> open.setExpectedVocabularySize(128),
                        Reason.TEACHER_MISMATCH,
                        "expected_vocabulary_size: 128 (expected: the teacher's 100)"),
                bad(
                        "other machine",
                        open -> open.setExpectedExecutionFingerprint(
                                Openings.TEACHER.fingerprint().toMessage().toBuilder()
                                        .setThreads(8)),
                        Reason.TEACHER_MISMATCH,
                        "expected_execution_fingerprint: 0.0.0/none//arithmetic 1/8 threads/float32"
                                + " (expected: the server's 0.0.0/none//arithmetic 1/1 threads/float32)"),
                bad(
                        "other arithmetic",
                        open -> open.setExpectedExecutionFingerprint(
                                Openings.TEACHER.fingerprint().toMessage().toBuilder()
                                        .setArithmeticVersion(2)),
                        Reason.TEACHER_MISMATCH,
                        "expected_execution_fingerprint: 0.0.0/none//arithmetic 2/1 threads/float32"
                                + " (expected: the server's 0.0.0/none//arithmetic 1/1 threads/float32)"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badOpenings")
    void open_bad_isRefusedWithValueAndExpectation(String name, OpenStream open, Reason reason, String line) {
        assertThat(Openings.refused(admission.open(open, Openings.TEACHER, Caller.ANYBODY)))
                .isEqualTo(new Failure(reason, line));
    }

    @Test
    void open_allExpectationsMet_isGranted() {
        OpenStream open = topPK(Openings.opening(), 0.9, 50, 0)
                .setExpectedDigests(TeacherDigests.newBuilder()
                        .setModelSha256(ByteString.copyFrom(Openings.TEACHER.modelDigest()))
                        .setTokenizerSha256(ByteString.copyFrom(Openings.TEACHER.tokenizerDigest())))
                .setExpectedVocabularySize(100)
                .setExpectedExecutionFingerprint(Openings.TEACHER.fingerprint().toMessage())
                .setStudent("s".repeat(128))
                .build();

        StreamTerms terms = Openings.accepted(admission.open(open, Openings.TEACHER, Caller.ANYBODY));
        assertThat(terms.format().selection()).isEqualTo(new dev.lyne.row.Selection.TopPK(0.9, 50, 1f, List.of()));
        assertThat(terms.bypassCache()).isFalse();
        assertThat(terms.creditSequences()).isEqualTo(4);
        assertThat(terms.creditTokens()).isEqualTo(1_000);
    }
}
