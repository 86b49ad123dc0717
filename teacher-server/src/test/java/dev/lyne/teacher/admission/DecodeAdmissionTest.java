package dev.lyne.teacher.admission;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.lyne.row.Proposal;
import dev.lyne.teacher.decode.DecodeStart;
import dev.lyne.teacher.decode.DecodeStep;
import dev.lyne.teacher.decode.DecodeTerms;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.Failure.Reason;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.teacher.tenant.PriorityClass;
import dev.lyne.teacher.tenant.Quota;
import dev.lyne.teacher.tenant.Tenant;
import dev.lyne.v1.DecodeSequence;
import dev.lyne.v1.OpenDecode;
import dev.lyne.v1.Priority;
import dev.lyne.v1.StepSequences;
import dev.lyne.v1.TeacherDigests;
import dev.lyne.wire.Digests;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every rule for decoding sessions, with the line that a student reads. */
final class DecodeAdmissionTest {
    private final Admission admission = new Admission(Openings.LIMITS, new SimpleMeterRegistry());
    private final DecodeAdmission decoding = new DecodeAdmission(admission);
    private final DecodeTerms terms = new DecodeTerms(Openings.TEACHER, Flow.SOLE, Proposal.PLAIN, 1, Set.of());

    static Stream<Arguments> badOpenings() {
        OpenDecode.Builder open = OpenDecode.newBuilder();
        return Stream.of(
                Arguments.of(
                        open.clone().setTemperature(-1),
                        Reason.INVALID_REQUEST,
                        "temperature: -1.0 (expected: 0, or 0.01..1000.0)"),
                Arguments.of(
                        open.clone().setTemperature(Double.NaN),
                        Reason.INVALID_REQUEST,
                        "temperature: NaN (expected: 0, or 0.01..1000.0)"),
                Arguments.of(
                        open.clone().setTopP(1.5), Reason.INVALID_REQUEST, "top_p: 1.5 (expected: above 0, at most 1)"),
                Arguments.of(
                        open.clone().addStopTokenIds(100),
                        Reason.INVALID_REQUEST,
                        "stop_token_ids: 100 (expected: below vocabulary_size=100)"),
                Arguments.of(
                        open.clone().addAllStopTokenIds(Collections.nCopies(65, 1)),
                        Reason.INVALID_REQUEST,
                        "stop_token_ids: 65 (expected: at most 64)"),
                Arguments.of(
                        open.clone().setStudent("x".repeat(129)),
                        Reason.INVALID_REQUEST,
                        "student: 129 characters (expected: at most 128)"),
                Arguments.of(
                        open.clone().setExpectedVocabularySize(99),
                        Reason.TEACHER_MISMATCH,
                        "expected_vocabulary_size: 99 (expected: the teacher's 100)"),
                Arguments.of(
                        open.clone()
                                .setExpectedDigests(TeacherDigests.newBuilder()
                                        .setModelSha256(ByteString.copyFrom(new byte[] {1}))),
                        Reason.TEACHER_MISMATCH,
                        "expected_digests.model_sha256: 01 (expected: the teacher's "));
    }

    @ParameterizedTest
    @MethodSource("badOpenings")
    void open_thatCannotBe_isRefused(OpenDecode.Builder open, Reason reason, String line) {
        Failure failure = Openings.refused(decoding.open(open.build(), Openings.TEACHER, Caller.ANYBODY));
        assertThat(failure.reason()).isEqualTo(reason);
        assertThat(failure.message()).startsWith(line);
    }

    @Test
    void open_nothingStated_isPlain() {
        DecodeTerms plain =
                Openings.accepted(decoding.open(OpenDecode.getDefaultInstance(), Openings.TEACHER, Caller.ANYBODY));
        assertThat(plain.proposal()).isEqualTo(Proposal.PLAIN);
        OpenDecode greedy = OpenDecode.newBuilder().setTemperature(0).build();
        assertThat(Openings.accepted(decoding.open(greedy, Openings.TEACHER, Caller.ANYBODY))
                        .proposal())
                .isEqualTo(new Proposal(0, 1));
    }

    private static DecodeSequence.Builder sequence(int... tokens) {
        return DecodeSequence.newBuilder()
                .addAllTokenIds(Arrays.stream(tokens).boxed().toList())
                .setTokenIdsCrc32C(Digests.tokenChecksum(tokens));
    }

    static Stream<Arguments> badSequences() {
        return Stream.of(
                Arguments.of(
                        sequence(), Reason.INVALID_REQUEST, "token_ids: 0 tokens (expected: 1..context_length=16)"),
                Arguments.of(
                        sequence(1, 100),
                        Reason.INVALID_REQUEST,
                        "token_ids[1]: 100 (expected: below vocabulary_size=100)"),
                Arguments.of(
                        sequence(1, 2).setTokenIdsCrc32C(5),
                        Reason.CHECKSUM_MISMATCH,
                        "token_ids_crc32c: 0x00000005 (expected: 0x"),
                Arguments.of(
                        sequence(1, 2).setPromptTokens(3),
                        Reason.INVALID_REQUEST,
                        "prompt_tokens: 3 (expected: at most the 2 token_ids)"),
                Arguments.of(
                        sequence(1, 2).setDraws(17),
                        Reason.INVALID_REQUEST,
                        "draws: 17 (expected: at most context_length=16)"));
    }

    @ParameterizedTest
    @MethodSource("badSequences")
    void start_thatCannotBe_isRefused(DecodeSequence.Builder sequence, Reason reason, String line) {
        Failure failure = Openings.refused(decoding.start(sequence.build(), terms));
        assertThat(failure.reason()).isEqualTo(reason);
        assertThat(failure.message()).startsWith(line);
    }

    @Test
    void start_isReadAsItStands() {
        DecodeStart start = Openings.accepted(decoding.start(
                sequence(4, 5, 6)
                        .setSequence(9)
                        .setKey(-1)
                        .setPromptTokens(2)
                        .setDraws(3)
                        .build(),
                terms));
        assertThat(start.sequence()).isEqualTo(9);
        assertThat(start.key()).isEqualTo(-1);
        assertThat(start.tokens()).containsExactly(4, 5, 6);
        assertThat(start.promptTokens()).isEqualTo(2);
        assertThat(start.draws()).isEqualTo(3);
        assertThat(Openings.accepted(decoding.start(sequence(4, 5).build(), terms))
                        .promptTokens())
                .isEqualTo(2);
    }

    private static StepSequences.Builder step(int... taken) {
        return StepSequences.newBuilder()
                .addAllTakenTokenIds(Arrays.stream(taken).boxed().toList())
                .setTakenTokenIdsCrc32C(taken.length == 0 ? 0 : Digests.tokenChecksum(taken));
    }

    static Stream<Arguments> badSteps() {
        return Stream.of(
                Arguments.of(
                        step(7).addSequences(1).addSequences(2).addTakenCounts(1),
                        "taken_counts: 1 (expected: none, or one for each of the 2 sequences)"),
                Arguments.of(
                        step(7).addSequences(1).addTakenCounts(2),
                        "taken_counts[0]: 2 (expected: at most the 1 taken_token_ids left)"),
                Arguments.of(step(7).addSequences(1), "taken_token_ids: 1 (expected: 0, the sum of taken_counts)"),
                Arguments.of(
                        step().addSequences(1).addDraws(1).addDraws(1),
                        "draws: 2 (expected: none, or one for each of the 1 sequences)"),
                Arguments.of(
                        step(100).addSequences(1).addTakenCounts(1),
                        "taken_token_ids: 100 (expected: below vocabulary_size=100)"),
                Arguments.of(
                        step(7).addSequences(1).addTakenCounts(1).setTakenTokenIdsCrc32C(1),
                        "taken_token_ids_crc32c: 0x00000001 (expected: 0x"));
    }

    @ParameterizedTest
    @MethodSource("badSteps")
    void step_whoseColumnsDoNotFit_isRefused(StepSequences.Builder step, String line) {
        assertThat(Openings.refused(decoding.step(step.build(), terms)).message())
                .startsWith(line);
    }

    @Test
    void step_columns_areTakenApart() {
        List<DecodeStep> steps = Openings.accepted(decoding.step(
                step(7, 8, 9)
                        .addSequences(4)
                        .addSequences(5)
                        .addTakenCounts(1)
                        .addTakenCounts(2)
                        .addDraws(0)
                        .addDraws(6)
                        .build(),
                terms));
        assertThat(steps.get(0).taken()).containsExactly(7);
        assertThat(steps.get(0).draws()).isZero();
        assertThat(steps.get(1).sequence()).isEqualTo(5);
        assertThat(steps.get(1).taken()).containsExactly(8, 9);
        assertThat(steps.get(1).draws()).isEqualTo(6);
        List<DecodeStep> plain =
                Openings.accepted(decoding.step(step().addSequences(4).build(), terms));
        assertThat(plain.get(0).draws()).as("one where none are stated").isEqualTo(1);
        assertThat(plain.get(0).taken()).isEmpty();
    }

    @Test
    void quota_usedUpByATextUnderWay_holdsBackTheNext() {
        Tenant alice = new Tenant("alice", 1, Optional.of(new Quota(10, 20, true)));
        DecodeTerms own = terms.of(alice);
        assertThat(Openings.accepted(decoding.start(sequence(1, 2).build(), own))
                        .tokens())
                .hasSize(2);
        decoding.count(own, 100);
        Failure failure = Openings.refused(decoding.start(sequence(1).build(), own));
        assertThat(failure.reason()).isEqualTo(Reason.QUOTA_EXCEEDED);
        assertThat(failure.retryMillis())
                .as("82 positions over, at 10 a second")
                .isBetween(8_000L, 8_500L);
    }

    @Test
    void open_aClassThatTheCallerMayNotUse_isRefused() {
        Caller capture = new Caller(Tenant.ANYBODY, "", Set.of(), PriorityClass.CAPTURE, Optional.empty());
        OpenDecode open = OpenDecode.newBuilder()
                .setPriority(Priority.PRIORITY_INTERACTIVE)
                .build();
        assertThat(Openings.refused(decoding.open(open, Openings.TEACHER, capture))
                        .reason())
                .isEqualTo(Reason.PERMISSION_DENIED);
        assertThat(Openings.accepted(decoding.open(OpenDecode.getDefaultInstance(), Openings.TEACHER, capture))
                        .flow()
                        .priority())
                .isEqualTo(PriorityClass.CAPTURE);
        assertThat(Openings.refused(decoding.open(
                                OpenDecode.newBuilder().setPriorityValue(9).build(), Openings.TEACHER, capture))
                        .message())
                .isEqualTo("priority: 9 (expected: one of the contract's: interactive, training, capture)");
    }

    @Test
    void draining_everythingNewIsRefused() {
        admission.drain();
        assertThat(Openings.refused(decoding.open(OpenDecode.getDefaultInstance(), Openings.TEACHER, Caller.ANYBODY))
                        .reason())
                .isEqualTo(Reason.DRAINING);
        assertThat(Openings.refused(decoding.start(sequence(1).build(), terms)).reason())
                .isEqualTo(Reason.DRAINING);
    }
}
