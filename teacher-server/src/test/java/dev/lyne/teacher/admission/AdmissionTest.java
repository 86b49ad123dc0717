package dev.lyne.teacher.admission;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.lyne.teacher.cache.Deadline;
import dev.lyne.teacher.cache.ScoreTask;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.Failure.Reason;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.model.Fingerprints;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.PositionRange;
import dev.lyne.v1.Precision;
import dev.lyne.v1.Selection;
import dev.lyne.v1.Sequence;
import dev.lyne.v1.TeacherDigests;
import dev.lyne.v1.TopK;
import dev.lyne.v1.TopPK;
import dev.lyne.wire.Digests;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every rule at the door, with the line that a student reads. */
final class AdmissionTest {
    private static final ServerLimits LIMITS = new ServerLimits(4, 1_000, 16 << 20, 50, 2, 1 << 20, 30);
    private static final TeacherDescription TEACHER = new FakeTeacher("fake", 100, 16).description();
    private static final long NOW = 7_000;

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final Admission admission = new Admission(LIMITS, registry);

    private static OpenStream.Builder opening() {
        return OpenStream.newBuilder()
                .setSelection(Selection.newBuilder().setTopK(TopK.newBuilder().setK(4)))
                .setPrecision(Precision.PRECISION_EXACT);
    }

    private static Sequence.Builder sequence(int... tokens) {
        return Sequence.newBuilder()
                .addAllTokenIds(Arrays.stream(tokens).boxed().toList())
                .setTokenIdsCrc32C(Digests.tokenChecksum(tokens));
    }

    private static Sequence.Builder positions(int... firstAndCount) {
        Sequence.Builder sequence = sequence(1, 2, 3, 4);
        for (int i = 0; i < firstAndCount.length; i += 2) {
            sequence.addPositions(
                    PositionRange.newBuilder().setFirst(firstAndCount[i]).setCount(firstAndCount[i + 1]));
        }
        return sequence;
    }

    private StreamTerms terms() {
        return accepted(admission.open(opening().build(), TEACHER));
    }

    private static <T> T accepted(Verdict<T> verdict) {
        assertThat(verdict).isInstanceOf(Verdict.Accepted.class);
        return ((Verdict.Accepted<T>) verdict).value();
    }

    private static Failure refused(Verdict<?> verdict) {
        assertThat(verdict).isInstanceOf(Verdict.Refused.class);
        return ((Verdict.Refused<?>) verdict).failure();
    }

    private static Arguments bad(String name, UnaryOperator<OpenStream.Builder> change, Reason reason, String line) {
        return Arguments.of(name, change.apply(opening()).build(), reason, line);
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
        String actual = HexFormat.of().formatHex(TEACHER.modelDigest());
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
                        "selection: truncation_temperature -1.0 (expected: finite, above 0)"),
                bad(
                        "temperature 0",
                        open -> temperatures(open, 0f),
                        Reason.INVALID_REQUEST,
                        "selection: temperature 0.0 (expected: finite, above 0)"),
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
                        "selection: no rule (expected: top_k or top_p_k)"),
                bad(
                        "no precision",
                        OpenStream.Builder::clearPrecision,
                        Reason.INVALID_REQUEST,
                        "precision: 0 (expected: PRECISION_EXACT=1)"),
                bad(
                        "unknown precision",
                        open -> open.setPrecisionValue(9),
                        Reason.INVALID_REQUEST,
                        "precision: 9 (expected: PRECISION_EXACT=1)"),
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
                                Fingerprints.toMessage(TEACHER.fingerprint()).toBuilder()
                                        .setThreads(8)),
                        Reason.TEACHER_MISMATCH,
                        "expected_execution_fingerprint: 0.0.0/none//8 threads/float32"
                                + " (expected: the server's 0.0.0/none//1 threads/float32)"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badOpenings")
    void open_bad_isRefusedWithValueAndExpectation(String name, OpenStream open, Reason reason, String line) {
        assertThat(refused(admission.open(open, TEACHER))).isEqualTo(new Failure(reason, line));
    }

    @Test
    void open_allExpectationsMet_isGranted() {
        OpenStream open = topPK(opening(), 0.9, 50, 0)
                .setExpectedDigests(TeacherDigests.newBuilder()
                        .setModelSha256(ByteString.copyFrom(TEACHER.modelDigest()))
                        .setTokenizerSha256(ByteString.copyFrom(TEACHER.tokenizerDigest())))
                .setExpectedVocabularySize(100)
                .setExpectedExecutionFingerprint(Fingerprints.toMessage(TEACHER.fingerprint()))
                .setStudent("s".repeat(128))
                .build();

        StreamTerms terms = accepted(admission.open(open, TEACHER));
        assertThat(terms.selection()).isEqualTo(new dev.lyne.wire.Selection.TopPK(0.9, 50, 1f, List.of()));
        assertThat(terms.creditSequences()).isEqualTo(4);
        assertThat(terms.creditTokens()).isEqualTo(1_000);
    }

    static Stream<Arguments> badSequences() {
        int[] tooLong = new int[17];
        return Stream.of(
                Arguments.of(
                        "empty",
                        sequence(),
                        Reason.INVALID_REQUEST,
                        "token_ids: 0 tokens (expected: 1..context_length=16)"),
                Arguments.of(
                        "too long",
                        sequence(tooLong),
                        Reason.INVALID_REQUEST,
                        "token_ids: 17 tokens (expected: 1..context_length=16)"),
                Arguments.of(
                        "id past the vocabulary",
                        sequence(1, 100),
                        Reason.INVALID_REQUEST,
                        "token_ids[1]: 100 (expected: below vocabulary_size=100)"),
                Arguments.of(
                        "id past 2^31",
                        sequence(-1),
                        Reason.INVALID_REQUEST,
                        "token_ids[0]: 4294967295 (expected: below vocabulary_size=100)"),
                Arguments.of(
                        "checksum",
                        sequence(1, 2).setTokenIdsCrc32C(5),
                        Reason.CHECKSUM_MISMATCH,
                        "token_ids_crc32c: 0x00000005 (expected: 0x"
                                + HexFormat.of().toHexDigits(Digests.tokenChecksum(new int[] {1, 2}))
                                + ", that of the token_ids received)"),
                Arguments.of(
                        "checksum before all else",
                        sequence(1, 100).setTokenIdsCrc32C(0),
                        Reason.CHECKSUM_MISMATCH,
                        "token_ids_crc32c: 0x00000000 (expected: 0x"
                                + HexFormat.of().toHexDigits(Digests.tokenChecksum(new int[] {1, 100}))
                                + ", that of the token_ids received)"),
                Arguments.of(
                        "positions empty range",
                        positions(0, 0),
                        Reason.INVALID_REQUEST,
                        "positions: first 0 count 0 (expected: count at least 1, ascending and disjoint, within 0..3)"),
                Arguments.of(
                        "positions overlap",
                        positions(0, 2, 1, 1),
                        Reason.INVALID_REQUEST,
                        "positions: first 1 count 1 (expected: count at least 1, ascending and disjoint, within 0..3)"),
                Arguments.of(
                        "positions descend",
                        positions(2, 1, 0, 1),
                        Reason.INVALID_REQUEST,
                        "positions: first 0 count 1 (expected: count at least 1, ascending and disjoint, within 0..3)"),
                Arguments.of(
                        "positions past the end",
                        positions(3, 2),
                        Reason.INVALID_REQUEST,
                        "positions: first 3 count 2 (expected: count at least 1, ascending and disjoint, within 0..3)"),
                Arguments.of(
                        "positions count past 2^31",
                        positions(1, -1),
                        Reason.INVALID_REQUEST,
                        "positions: first 1 count 4294967295 (expected: count at least 1, ascending and disjoint, within 0..3)"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badSequences")
    void admit_bad_isRefusedWithValueAndExpectation(
            String name, Sequence.Builder sequence, Reason reason, String line) {
        assertThat(refused(admission.admit(sequence.build(), terms(), NOW))).isEqualTo(new Failure(reason, line));
        assertThat(registry.get("lyne.teacher.admitted.tokens").gauge().value()).isZero();
    }

    @Test
    void admit_good_becomesATask() {
        ScoreTask task = accepted(admission.admit(
                positions(0, 1, 2, 2).setTimeoutMillis(3).setBypassCache(true).build(), terms(), NOW));

        assertThat(task.item().tokens()).containsExactly(1, 2, 3, 4);
        assertThat(task.item().positions()).containsExactly(0, 2, 3);
        assertThat(task.deadline()).isEqualTo(Deadline.at(NOW + 3_000_000));
        assertThat(task.bypassCache()).isTrue();
    }

    @Test
    void admit_noPositionsNoTimeout_meansAllWithDataAndNoDeadline() {
        ScoreTask task = accepted(admission.admit(sequence(1, 2, 3).build(), terms(), NOW));

        assertThat(task.item().positions()).containsExactly(0, 1);
        assertThat(task.deadline()).isEqualTo(Deadline.NONE);
    }

    @Test
    void admit_beyondTheQueuesTokens_isRefusedUntilSomeAreReleased() {
        StreamTerms terms = terms();
        ScoreTask first = accepted(admission.admit(sequence(new int[16]).build(), terms, NOW));

        assertThat(refused(admission.admit(sequence(new int[15]).build(), terms, NOW)))
                .isEqualTo(new Failure(Reason.QUEUE_FULL, "tokens admitted: 16 and 15 more (expected: at most 30)"));
        admission.release(first);
        accepted(admission.admit(sequence(new int[15]).build(), terms, NOW));
    }

    @Test
    void drain_then_everythingIsRefused() {
        StreamTerms terms = terms();
        admission.drain();

        assertThat(refused(admission.open(opening().build(), TEACHER)).reason()).isEqualTo(Reason.DRAINING);
        assertThat(refused(admission.admit(sequence(1, 2).build(), terms, NOW)).reason())
                .isEqualTo(Reason.DRAINING);
    }

    @Test
    void checkCredit_oneAlone_isAlwaysWithin() {
        StreamTerms terms = new StreamTerms(TEACHER, terms().selection(), 2, 10);

        assertThat(terms.checkCredit(0, 0, 16)).isEmpty();
        assertThat(terms.checkCredit(1, 4, 6)).isEmpty();
        assertThat(terms.checkCredit(1, 4, 7).orElseThrow().reason()).isEqualTo(Reason.CREDIT_EXCEEDED);
        assertThat(terms.checkCredit(2, 4, 1).orElseThrow().reason()).isEqualTo(Reason.CREDIT_EXCEEDED);
    }
}
