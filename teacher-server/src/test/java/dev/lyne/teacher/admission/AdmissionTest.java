package dev.lyne.teacher.admission;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.Failure.Reason;
import dev.lyne.teacher.score.Deadline;
import dev.lyne.teacher.score.PositionWeight;
import dev.lyne.teacher.score.ScoreTask;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.teacher.tenant.PriorityClass;
import dev.lyne.teacher.tenant.Quota;
import dev.lyne.teacher.tenant.Tenant;
import dev.lyne.v1.PositionRange;
import dev.lyne.v1.Sequence;
import dev.lyne.wire.Digests;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every rule for a sequence of an open stream, with the line that a student reads. */
final class AdmissionTest {
    private static final long NOW = 7_000;

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final Admission admission = new Admission(Openings.LIMITS, registry);

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
        return Openings.accepted(admission.open(Openings.opening().build(), Openings.TEACHER, Caller.ANYBODY));
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
        assertThat(Openings.refused(admission.admit(sequence.build(), terms(), NOW)))
                .isEqualTo(new Failure(reason, line));
        assertThat(registry.get("lyne.teacher.admitted.tokens").gauge().value()).isZero();
    }

    @Test
    void admit_good_becomesATask() {
        ScoreTask task = Openings.accepted(admission.admit(
                positions(0, 1, 2, 2).setTimeoutMillis(3).setBypassCache(true).build(), terms(), NOW));

        assertThat(task.item().tokens()).containsExactly(1, 2, 3, 4);
        assertThat(task.item().positions()).containsExactly(0, 2, 3);
        assertThat(task.deadline()).isEqualTo(Deadline.at(NOW + 3_000_000));
        assertThat(task.bypassCache()).isTrue();
    }

    @Test
    void admit_noPositionsNoTimeout_meansAllWithDataAndNoDeadline() {
        ScoreTask task = Openings.accepted(admission.admit(sequence(1, 2, 3).build(), terms(), NOW));

        assertThat(task.item().positions()).containsExactly(0, 1);
        assertThat(task.deadline()).isEqualTo(Deadline.NONE);
    }

    @Test
    void admit_beyondTheQueuesTokens_isRefusedUntilSomeAreReleased() {
        StreamTerms terms = terms();
        ScoreTask first =
                Openings.accepted(admission.admit(sequence(new int[16]).build(), terms, NOW));

        assertThat(Openings.refused(admission.admit(sequence(new int[15]).build(), terms, NOW)))
                .isEqualTo(new Failure(Reason.QUEUE_FULL, "tokens admitted: 16 and 15 more (expected: at most 30)"));
        admission.release(first);
        Openings.accepted(admission.admit(sequence(new int[15]).build(), terms, NOW));
    }

    private static Sequence zeros(int tokens) {
        return sequence(new int[tokens]).build();
    }

    private StreamTerms terms(Admission admission, Quota quota) {
        Caller alice = new Caller(
                new Tenant("alice", 1, Optional.of(quota)), "", Set.of(), PriorityClass.INTERACTIVE, Optional.empty());
        return Openings.accepted(admission.open(Openings.opening().build(), Openings.TEACHER, alice));
    }

    @Test
    void admitTogether_moreThanTheBurst_isLetInByAFullBucketAndPaidWhole() {
        AtomicLong nanos = new AtomicLong(1);
        Admission clocked = new Admission(Openings.LIMITS, registry, new ServedMetrics(registry), nanos::get);
        StreamTerms terms = terms(clocked, new Quota(1, 10, true));
        List<Sequence> prompts = List.of(zeros(8), zeros(8), zeros(8));

        List<ScoreTask> tasks = Openings.accepted(clocked.admitTogether(prompts, terms, NOW));
        assertThat(tasks).extracting(ScoreTask::quotaPositions).containsExactly(8L, 8L, 8L);
        tasks.forEach(clocked::release);
        nanos.addAndGet(TimeUnit.SECONDS.toNanos(23));
        assertThat(Openings.refused(clocked.admitTogether(prompts, terms, NOW)).retryMillis())
                .as("24 were taken of 10, and 1 a second comes back")
                .isBetween(1_000L, 1_010L);
        assertThat(registry.get("lyne.teacher.admitted.tokens").gauge().value()).isZero();
        nanos.addAndGet(TimeUnit.MILLISECONDS.toNanos(1_010));
        tasks = Openings.accepted(clocked.admitTogether(prompts, terms, NOW));
        tasks.forEach(clocked::release);
        tasks.forEach(clocked::wasSpared);
        assertThat(Openings.accepted(clocked.admit(zeros(10), terms, NOW)).quotaPositions())
                .as("what was spared is back")
                .isEqualTo(10);
    }

    @Test
    void admitMore_ofAnEmptyQuotaInADrain_isLetInAndCounted() {
        AtomicLong nanos = new AtomicLong(1);
        Admission clocked = new Admission(Openings.LIMITS, registry, new ServedMetrics(registry), nanos::get);
        StreamTerms terms = terms(clocked, new Quota(1, 10, true));
        clocked.release(Openings.accepted(clocked.admit(zeros(12), terms, NOW)));
        nanos.addAndGet(TimeUnit.SECONDS.toNanos(3));

        clocked.release(Openings.accepted(clocked.admitMore(zeros(8), terms, NOW)));
        assertThat(Openings.refused(clocked.admit(zeros(1), terms, NOW)).retryMillis())
                .as("1 was left, 8 were counted, and 1 a second comes back")
                .isBetween(7_900L, 8_100L);
        clocked.drain();
        clocked.release(Openings.accepted(clocked.admitMore(zeros(8), terms, NOW)));
        assertThat(Openings.refused(clocked.admit(zeros(8), terms, NOW)).reason())
                .isEqualTo(Reason.DRAINING);
        assertThat(registry.get("lyne.teacher.admitted.tokens").gauge().value()).isZero();
    }

    @Test
    void admit_positionsThatTakeLonger_takeMoreOfTheQuotaAndGiveAsManyBack() {
        AtomicLong nanos = new AtomicLong(1);
        Admission clocked = new Admission(Openings.LIMITS, registry, new ServedMetrics(registry), nanos::get);
        AtomicLong tenths = new AtomicLong(25);
        StreamTerms terms =
                terms(clocked, new Quota(1, 60, true)).weighedBy((tokens, format) -> tenths.get() / 10.0 + tokens / 10);

        ScoreTask task = Openings.accepted(clocked.admit(zeros(8), terms, NOW));
        assertThat(task.quotaPositions()).isEqualTo(20);
        clocked.release(task);
        ScoreTask longer = Openings.accepted(clocked.admitTogether(List.of(zeros(1), zeros(10)), terms, NOW))
                .get(1);
        assertThat(longer.quotaPositions()).isEqualTo(35);
        assertThat(Openings.refused(clocked.admit(zeros(1), terms, NOW)).message())
                .isEqualTo("positions of tenant alice: 3 more than its quota has left (expected: at most 1 a second,"
                        + " 60 at once)");
        tenths.set(10); // by now they take less, but what was taken comes back
        clocked.wasSpared(longer);
        clocked.wasSpared(task);
        clocked.release(longer);
        assertThat(Openings.accepted(clocked.admit(zeros(16), terms, NOW)).quotaPositions())
                .isEqualTo(32);
    }

    @Test
    void admitTogether_oneThatIsRefused_takesNothing() {
        assertThat(Openings.refused(admission.admitTogether(List.of(zeros(8), zeros(17)), terms(), NOW))
                        .reason())
                .isEqualTo(Reason.INVALID_REQUEST);
        assertThat(registry.get("lyne.teacher.admitted.tokens").gauge().value()).isZero();
    }

    @Test
    void admitTogether_moreThanTheServerEverHolds_isRefusedForGood() {
        assertThat(Openings.refused(admission.admitTogether(List.of(zeros(15), zeros(16)), terms(), NOW)))
                .isEqualTo(new Failure(
                        Reason.INVALID_REQUEST,
                        "tokens of the request's sequences: 31 (expected: at most 30; ask in several requests)"));
        assertThat(Openings.accepted(admission.admitTogether(List.of(zeros(15), zeros(15)), terms(), NOW)))
                .hasSize(2);
        assertThat(registry.get("lyne.teacher.admitted.tokens").gauge().value()).isEqualTo(30);
    }

    @Test
    void drain_then_everythingIsRefused() {
        StreamTerms terms = terms();
        admission.drain();

        assertThat(Openings.refused(admission.open(Openings.opening().build(), Openings.TEACHER, Caller.ANYBODY))
                        .reason())
                .isEqualTo(Reason.DRAINING);
        assertThat(Openings.refused(admission.admit(sequence(1, 2).build(), terms, NOW))
                        .reason())
                .isEqualTo(Reason.DRAINING);
    }

    @Test
    void checkCredit_oneAlone_isAlwaysWithin() {
        StreamTerms terms =
                new StreamTerms(Openings.TEACHER, terms().format(), Flow.SOLE, false, PositionWeight.ONE, false, 2, 10);

        assertThat(terms.checkCredit(0, 0, 16)).isEmpty();
        assertThat(terms.checkCredit(1, 4, 6)).isEmpty();
        assertThat(terms.checkCredit(1, 4, 7).orElseThrow().reason()).isEqualTo(Reason.CREDIT_EXCEEDED);
        assertThat(terms.checkCredit(2, 4, 1).orElseThrow().reason()).isEqualTo(Reason.CREDIT_EXCEEDED);
    }
}
