package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Faults between a client and a server, which are noticed whatever was asked for, in every precision: on the wire sits
 * a proxy that writes messages anew, with right checksums.
 */
final class MutatedWireTest {
    private static final int TOKENS = 40;

    private FakeTeacher teacher;
    private MutatingProxy wire;

    @BeforeEach
    void start() throws Exception {
        teacher = new FakeTeacher(3);
        teacher.answering = asked -> asked.answer(TOKENS);
        wire = new MutatingProxy("127.0.0.1", teacher.port());
    }

    @AfterEach
    void stop() throws Exception {
        wire.close();
        teacher.close();
    }

    static List<TargetRequest> requests() {
        return RequestedRows.requests().toList();
    }

    static List<TargetRequest> requestsWithEntries() {
        return RequestedRows.requestsWithEntries().toList();
    }

    static List<TargetRequest> requestsOfChosenTokens() {
        return RequestedRows.requests()
                .filter(request -> request.selection() instanceof Selection.Chosen)
                .toList();
    }

    @ParameterizedTest
    @MethodSource("requests")
    void wire_unaltered_deliversEveryKindOfRows(TargetRequest request) throws Exception {
        TargetSequence sequence = sequence(0, request);
        try (TeacherClient client = client();
                TargetStream stream = client.open(request)) {
            stream.offer(sequence);
            Targets targets = stream.take();

            var computed = teacher.model.columns(sequence, request.selection());
            assertThat(targets.columns().counts()).isEqualTo(computed.counts());
            assertThat(targets.columns().drawCounts().length > 0)
                    .isEqualTo(request.selection() instanceof Selection.Draws);
            assertThat(targets.columns().logits().length > 0).isEqualTo(request.rawLogits());
            assertThat(targets.columns().logSumExp()).hasSize(request.rawLogits() ? targets.rows() : 0);
            assertThat(stream.statistics().received().positions()).isEqualTo(sequence.positions().length);
            assertThat(stream.statistics().narrowedPositions()).isZero();
            assertThat(teacher.violations).isEmpty();
        }
    }

    /** A row of the label's log-probability alone does not say whose it is: nothing but the block's header does. */
    @ParameterizedTest
    @MethodSource("requestsWithEntries")
    void rows_shiftedByOne_areCaught(TargetRequest request) throws Exception {
        wire.response = WireMutations.rowsShiftedByOne(TOKENS);
        assertCaught(request, "");
    }

    @ParameterizedTest
    @MethodSource("requests")
    void sequences_swapped_areBothCaught(TargetRequest request) throws Exception {
        teacher.answering = asked -> {
            if (teacher.asked.size() == 2) {
                teacher.asked.get(0).answer(TOKENS);
                teacher.asked.get(1).answer(TOKENS);
            }
        };
        wire.response = WireMutations.sequencesSwapped();
        WireAssertions.assertBothCaught(client(), request, sequence(17, request), sequence(18, request));
    }

    @ParameterizedTest
    @MethodSource("requests")
    void request_oneTokenIdChanged_isCaughtByTheDigest(TargetRequest request) throws Exception {
        wire.request = WireMutations.tokenChanged(FakeTeacher.VOCABULARY);
        assertCaught(request, "position 0: rows digest ");
    }

    @Test
    void request_oneTokenIdChangedUnderItsChecksum_isRefusedByTheServer() throws Exception {
        TargetRequest request = requests().get(0);
        wire.request = WireMutations.tokenChangedUnderItsChecksum(FakeTeacher.VOCABULARY);
        try (TeacherClient client = client();
                TargetStream stream = client.open(request)) {
            stream.offer(sequence(17, request));
            assertThatThrownBy(stream::take)
                    .isInstanceOf(SequenceFailedException.class)
                    .hasMessageContaining("token_ids_crc32c");
        }
    }

    @ParameterizedTest
    @MethodSource("requests")
    void request_positionsOffByOne_areCaught(TargetRequest request) throws Exception {
        wire.request = WireMutations.positionsOffByOne(TOKENS);
        assertCaught(request, "position 1: a block that starts there (expected: the block of position 0)");
    }

    @ParameterizedTest
    @MethodSource("requests")
    void rows_saidToStartOnePositionLater_areCaught(TargetRequest request) throws Exception {
        wire.response = WireMutations.onRows(rows -> rows.setFirstPosition(rows.getFirstPosition() + 1));
        assertCaught(request, "position 1: a block that starts there (expected: the block of position 0)");
    }

    @ParameterizedTest
    @MethodSource("requests")
    void block_whosePositionsAreOffByOne_isCaught(TargetRequest request) throws Exception {
        wire.response = WireMutations.lastPositionLater();
        assertCaught(request, "position 0: a block of 39 positions from 0");
    }

    @ParameterizedTest
    @MethodSource("requests")
    void block_ofAnotherTeacher_isCaught(TargetRequest request) throws Exception {
        wire.response = WireMutations.anotherTeacher();
        assertCaught(request, "position 0: teacher digest 02");
    }

    @ParameterizedTest
    @MethodSource("requests")
    void block_ofAnotherSelection_isCaught(TargetRequest request) throws Exception {
        Selection other = new Selection.TopPK(0.7, 8, 1f, List.of());
        wire.request = WireMutations.anotherSelection(other, request.rawLogits());
        assertCaught(request, "position 0: selection top_p_k top_p=0.7");
    }

    @ParameterizedTest
    @MethodSource("requests")
    void block_ofAnotherPrecision_isCaught(TargetRequest request) throws Exception {
        Precision other = request.precision() == Precision.EXACT ? Precision.HALF : Precision.EXACT;
        wire.request = WireMutations.anotherPrecision(other);
        assertCaught(request, "position 0: precision " + (other == Precision.HALF ? "half" : "exact"));
    }

    @ParameterizedTest
    @MethodSource("requests")
    void block_withRawLogitsWhereNoneWereAsked_isCaught(TargetRequest request) throws Exception {
        if (request.precision() == Precision.COMPACT) {
            wire.request = WireMutations.onOpen(open -> open.setPrecision(Precision.EXACT.toMessage())
                    .setSelection(open.getSelection().toBuilder().setRawLogits(true)));
            assertCaught(request, "position 0: precision exact (expected: compact)");
        } else {
            wire.request = WireMutations.onOpen(
                    open -> open.setSelection(open.getSelection().toBuilder().setRawLogits(!request.rawLogits())));
            assertCaught(request, "position 0: raw logits " + !request.rawLogits());
        }
    }

    @ParameterizedTest
    @MethodSource("requestsOfChosenTokens")
    void request_oneChosenTokenChanged_isCaught(TargetRequest request) throws Exception {
        wire.request = WireMutations.chosenTokenChanged(FakeTeacher.VOCABULARY);
        assertCaught(request, "position 4: token ");
    }

    @Test
    void rows_markedNarrowed_areCounted() throws Exception {
        TargetRequest request = requests().get(0);
        wire.response = WireMutations.onRows(rows -> rows.setNarrowed(true));
        try (TeacherClient client = client();
                TargetStream stream = client.open(request)) {
            stream.offer(sequence(0, request));
            assertThat(stream.take().narrowedRows()).isEqualTo(TOKENS - 1);
            assertThat(stream.statistics().narrowedPositions()).isEqualTo(TOKENS - 1);
        }
    }

    private void assertCaught(TargetRequest request, String what) throws InterruptedException {
        WireAssertions.assertCaught(client(), request, sequence(17, request), what);
    }

    private TeacherClient client() {
        return TeacherClient.connect(wire.address(), Students.options());
    }

    private TargetSequence sequence(long id, TargetRequest request) {
        return RequestedRows.sequence(id, TOKENS, teacher.model, request.selection(), new SplittableRandom(id));
    }
}
