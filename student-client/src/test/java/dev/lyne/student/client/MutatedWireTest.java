package dev.lyne.student.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.v1.ChosenTokens;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.PositionRange;
import dev.lyne.v1.Rows;
import dev.lyne.v1.ScoreSequencesRequest;
import dev.lyne.v1.ScoreSequencesResponse;
import dev.lyne.v1.Sequence;
import dev.lyne.v1.SequenceDone;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.Digests;
import dev.lyne.wire.Precision;
import dev.lyne.wire.Selection;
import dev.lyne.wire.SelectionMessages;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What goes wrong between a client and a server is noticed whatever was asked for, in every precision: on the wire sits a proxy that
 * writes messages anew, with right checksums.
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
        return AskedRows.requests().toList();
    }

    static List<TargetRequest> requestsWithEntries() {
        return AskedRows.requestsWithEntries().toList();
    }

    static List<TargetRequest> requestsOfChosenTokens() {
        return AskedRows.requests()
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
            assertThat(targets.counts()).isEqualTo(computed.counts());
            assertThat(targets.drawCounts().length > 0).isEqualTo(request.selection() instanceof Selection.Draws);
            assertThat(targets.logits().length > 0).isEqualTo(request.rawLogits());
            assertThat(targets.logSumExp()).hasSize(request.rawLogits() ? targets.rows() : 0);
            assertThat(stream.statistics().receivedPositions()).isEqualTo(sequence.positions().length);
            assertThat(stream.statistics().narrowedPositions()).isZero();
            assertThat(teacher.violations).isEmpty();
        }
    }

    /** A row of the data token's log-probability alone does not say whose it is: nothing but the block's header does. */
    @ParameterizedTest
    @MethodSource("requestsWithEntries")
    void rows_shiftedByOne_areCaught(TargetRequest request) throws Exception {
        wire.response =
                onRows(rows -> rows.setBlock(Blocks.withRows(rows.getBlock(), row -> Math.min(row + 1, TOKENS - 2))));
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
        wire.response = message -> {
            if (message.hasRows()) {
                Rows.Builder rows = message.getRows().toBuilder();
                return List.of(message.toBuilder()
                        .setRows(rows.setId(3 - rows.getId()))
                        .build());
            }
            if (message.hasDone()) {
                SequenceDone.Builder done = message.getDone().toBuilder();
                return List.of(message.toBuilder()
                        .setDone(done.setId(3 - done.getId()))
                        .build());
            }
            return List.of(message);
        };
        try (TeacherClient client = client();
                TargetStream stream = client.open(request)) {
            stream.offer(sequence(17, request));
            stream.offer(sequence(18, request));
            for (int id : new int[] {17, 18}) {
                assertThatThrownBy(stream::take)
                        .isInstanceOf(MisalignedTargetsException.class)
                        .hasMessageStartingWith("sequence " + id + ", position 0: rows digest ");
            }
        }
    }

    @ParameterizedTest
    @MethodSource("requests")
    void request_oneTokenIdChanged_isCaughtByTheDigest(TargetRequest request) throws Exception {
        wire.request = onSequence(sequence -> {
            changeToken(sequence);
            sequence.setTokenIdsCrc32C(Digests.tokenChecksum(sequence.getTokenIdsList().stream()
                    .mapToInt(Integer::intValue)
                    .toArray()));
        });
        assertCaught(request, "position 0: rows digest ");
    }

    @Test
    void request_oneTokenIdChangedUnderItsChecksum_isRefusedByTheServer() throws Exception {
        TargetRequest request = requests().get(0);
        wire.request = onSequence(MutatedWireTest::changeToken);
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
        wire.request = onSequence(sequence -> {
            sequence.setPositions(0, PositionRange.newBuilder().setFirst(1).setCount(TOKENS - 2));
            if (sequence.getChosenCount() > 0) {
                sequence.removeChosen(0);
            }
        });
        assertCaught(request, "position 1: a block that starts there (expected: the block of position 0)");
    }

    @ParameterizedTest
    @MethodSource("requests")
    void rows_saidToStartOnePositionLater_areCaught(TargetRequest request) throws Exception {
        wire.response = onRows(rows -> rows.setFirstPosition(rows.getFirstPosition() + 1));
        assertCaught(request, "position 1: a block that starts there (expected: the block of position 0)");
    }

    @ParameterizedTest
    @MethodSource("requests")
    void block_whosePositionsAreOffByOne_isCaught(TargetRequest request) throws Exception {
        wire.response = onRows(rows -> rows.setBlock(Blocks.withHeader(rows.getBlock(), header -> {
            int[] later = header.positions().clone();
            later[later.length - 1]++;
            return changed(header, header.selection(), header.precision(), header.teacherDigest(), later);
        })));
        assertCaught(request, "position 0: a block of 39 positions from 0");
    }

    @ParameterizedTest
    @MethodSource("requests")
    void block_ofAnotherTeacher_isCaught(TargetRequest request) throws Exception {
        wire.response = onRows(rows -> rows.setBlock(Blocks.withHeader(rows.getBlock(), header -> {
            byte[] digest = header.teacherDigest().clone();
            digest[0] ^= 1;
            return changed(header, header.selection(), header.precision(), digest, header.positions());
        })));
        assertCaught(request, "position 0: teacher digest 02");
    }

    @ParameterizedTest
    @MethodSource("requests")
    void block_ofAnotherSelection_isCaught(TargetRequest request) throws Exception {
        Selection other = new Selection.TopPK(0.7, 8, 1f, List.of());
        wire.request = onOpen(open ->
                open.setSelection(SelectionMessages.toMessage(other).toBuilder().setRawLogits(request.rawLogits())));
        assertCaught(request, "position 0: selection TopPK[p=0.7");
    }

    @ParameterizedTest
    @MethodSource("requests")
    void block_ofAnotherPrecision_isCaught(TargetRequest request) throws Exception {
        Precision other = request.precision() == Precision.EXACT ? Precision.HALF : Precision.EXACT;
        wire.request = onOpen(open -> open.setPrecision(SelectionMessages.toMessage(other)));
        assertCaught(request, "position 0: precision " + (other == Precision.HALF ? "half" : "exact"));
    }

    @ParameterizedTest
    @MethodSource("requests")
    void block_withRawLogitsWhereNoneWereAsked_isCaught(TargetRequest request) throws Exception {
        if (request.precision() == Precision.COMPACT) {
            wire.request = onOpen(open -> open.setPrecision(SelectionMessages.toMessage(Precision.EXACT))
                    .setSelection(open.getSelection().toBuilder().setRawLogits(true)));
            assertCaught(request, "position 0: precision exact (expected: compact)");
        } else {
            wire.request = onOpen(
                    open -> open.setSelection(open.getSelection().toBuilder().setRawLogits(!request.rawLogits())));
            assertCaught(request, "position 0: raw logits " + !request.rawLogits());
        }
    }

    @ParameterizedTest
    @MethodSource("requestsOfChosenTokens")
    void request_oneChosenTokenChanged_isCaught(TargetRequest request) throws Exception {
        wire.request = onSequence(sequence -> {
            ChosenTokens.Builder tokens = sequence.getChosen(4).toBuilder();
            int token = tokens.getTokenIds(0);
            do {
                token = (token + 1) % FakeTeacher.VOCABULARY;
            } while (tokens.getTokenIdsList().contains(token));
            sequence.setChosen(4, tokens.setTokenIds(0, token));
        });
        assertCaught(request, "position 4: token ");
    }

    @Test
    void rows_markedNarrowed_areCounted() throws Exception {
        TargetRequest request = requests().get(0);
        wire.response = onRows(rows -> rows.setNarrowed(true));
        try (TeacherClient client = client();
                TargetStream stream = client.open(request)) {
            stream.offer(sequence(0, request));
            assertThat(stream.take().narrowedRows()).isEqualTo(TOKENS - 1);
            assertThat(stream.statistics().narrowedPositions()).isEqualTo(TOKENS - 1);
        }
    }

    private void assertCaught(TargetRequest request, String what) throws InterruptedException {
        try (TeacherClient client = client();
                TargetStream stream = client.open(request)) {
            stream.offer(sequence(17, request));
            assertThatThrownBy(stream::take)
                    .isInstanceOf(MisalignedTargetsException.class)
                    .hasMessageStartingWith("sequence 17, position ")
                    .hasMessageContaining(what)
                    .hasMessageContaining(" (expected: ");
            assertThat(stream.statistics().receivedSequences()).isZero();
            assertThat(stream.statistics().failedSequences()).isEqualTo(1);
        }
    }

    private TeacherClient client() {
        return TeacherClient.connect(wire.address(), Students.options());
    }

    private TargetSequence sequence(long id, TargetRequest request) {
        return AskedRows.sequence(id, TOKENS, teacher.model, request.selection(), new SplittableRandom(id));
    }

    private static void changeToken(Sequence.Builder sequence) {
        sequence.setTokenIds(20, (sequence.getTokenIds(20) + 1) % FakeTeacher.VOCABULARY);
    }

    private static UnaryOperator<ScoreSequencesRequest> onSequence(Consumer<Sequence.Builder> change) {
        return message -> {
            if (!message.hasSequence()) {
                return message;
            }
            Sequence.Builder sequence = message.getSequence().toBuilder();
            change.accept(sequence);
            return message.toBuilder().setSequence(sequence).build();
        };
    }

    private static UnaryOperator<ScoreSequencesRequest> onOpen(UnaryOperator<OpenStream.Builder> change) {
        return message -> message.hasOpen()
                ? message.toBuilder()
                        .setOpen(change.apply(message.getOpen().toBuilder()))
                        .build()
                : message;
    }

    private static Function<ScoreSequencesResponse, List<ScoreSequencesResponse>> onRows(
            UnaryOperator<Rows.Builder> change) {
        return message -> List.of(
                message.hasRows()
                        ? message.toBuilder()
                                .setRows(change.apply(message.getRows().toBuilder()))
                                .build()
                        : message);
    }

    private static BlockHeader changed(
            BlockHeader header, Selection selection, Precision precision, byte[] teacher, int[] positions) {
        return new BlockHeader(
                header.vocabularySize(),
                selection,
                precision,
                header.rawLogits(),
                teacher,
                header.fingerprintDigest(),
                header.rowsDigest(),
                positions);
    }
}
