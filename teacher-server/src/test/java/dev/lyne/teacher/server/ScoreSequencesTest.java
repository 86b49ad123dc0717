package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.teacher.admission.ServerLimits;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.v1.PositionRange;
import dev.lyne.v1.Rows;
import dev.lyne.v1.ScoreSequencesRequest;
import dev.lyne.v1.ScoreSequencesResponse;
import dev.lyne.v1.SequenceFailed;
import dev.lyne.v1.Source;
import dev.lyne.v1.TeacherDigests;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.Digests;
import dev.lyne.wire.Positions;
import dev.lyne.wire.TargetBlock;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The promises of the contract, over a real connection. */
final class ScoreSequencesTest {
    private ServerFixture fixture;

    @BeforeEach
    void start() throws IOException, InterruptedException {
        ServerLimits limits = ServerLimits.DEFAULT
                .withStream(4, 3_000, 16 << 20)
                .withRows(64, 4, 1 << 20)
                .withQueuedTokens(1 << 20);
        fixture = new ServerFixture(new FakeTeacher("fake", 1_000, 1_024), options -> options.limits(limits));
    }

    @AfterEach
    void stop() throws InterruptedException {
        fixture.close();
    }

    private static int[] tokens(int count, int seed) {
        return IntStream.range(0, count).map(i -> (seed + 31 * i) % 1_000).toArray();
    }

    private static int code(SequenceFailed failed) {
        return failed.getStatus().getCode();
    }

    private static ErrorInfo errorInfo(com.google.rpc.Status status) throws InvalidProtocolBufferException {
        return status.getDetails(0).unpack(ErrorInfo.class);
    }

    @Test
    void score_longSequence_blocksComeInOrderAndDecodeToTheTeachersRows() {
        int[] tokens = tokens(1_000, 5);
        TestStream stream = fixture.stream().open(8).score(1, tokens).awaitDone(1);

        assertThat(stream.received().get(0).getOpened().getTeacher().getName()).isEqualTo("fake");
        RowColumns expected =
                fixture.teacher.rows(new ScoreItem(tokens, Positions.withLabels(tokens.length)), RowContent.topK(8));
        List<Rows> blocks = stream.rows(1);
        assertThat(blocks).extracting(Rows::getFirstPosition).containsExactly(0, 256, 512, 768);
        int row = 0;
        for (Rows message : blocks) {
            assertThat(message.getSource()).isEqualTo(Source.SOURCE_COMPUTED);
            TargetBlock block = BlockDecoder.decode(message.getBlock().asReadOnlyByteBuffer());
            int[] positions = block.header().positions();
            assertThat(positions[0]).isEqualTo(message.getFirstPosition());
            assertThat(block.header().rowsDigest()).isEqualTo(Digests.rows(tokens, positions, 0, positions.length));
            assertThat(block.ids()).isEqualTo(Arrays.copyOfRange(expected.ids(), row * 8, (row + block.rows()) * 8));
            assertThat(block.logProbabilities())
                    .isEqualTo(Arrays.copyOfRange(expected.logProbabilities(), row * 8, (row + block.rows()) * 8));
            assertThat(block.labelLogProbability())
                    .isEqualTo(Arrays.copyOfRange(expected.labelLogProbability(), row, row + block.rows()));
            row += block.rows();
        }
        assertThat(row).isEqualTo(999);
        ScoreSequencesResponse last = stream.received().get(stream.received().size() - 1);
        assertThat(last.getDone().getRows()).isEqualTo(999);
        assertThat(fixture.counter("lyne.teacher.positions.served")).isEqualTo(999);
        assertThat(fixture.counter("lyne.teacher.positions.scored")).isEqualTo(999);
    }

    @Test
    void score_positionsAsked_onlyThoseCome() {
        TestStream stream = fixture.stream()
                .open(4)
                .score(TestStream.sequence(1, tokens(100, 1)).toBuilder()
                        .addPositions(PositionRange.newBuilder().setFirst(7).setCount(2))
                        .addPositions(PositionRange.newBuilder().setFirst(98).setCount(2))
                        .build())
                .awaitDone(1);

        TargetBlock block = BlockDecoder.decode(stream.rows(1).get(0).getBlock().asReadOnlyByteBuffer());
        assertThat(block.header().positions()).containsExactly(7, 8, 98, 99);
        assertThat(block.labelLogProbability()[3]).isNaN();
    }

    @Test
    void score_oneToken_isDoneWithoutRows() {
        TestStream stream = fixture.stream().open(4).score(1, 5).awaitDone(1);

        assertThat(stream.rows(1)).isEmpty();
    }

    @Test
    void score_fromAnotherStreamLater_comesFromMemoryWithEqualBytes() {
        int[] tokens = tokens(50, 3);
        TestStream first = fixture.stream().open(4).score(1, tokens).awaitDone(1);
        TestStream second = fixture.stream().open(4).score(9, tokens).awaitDone(9);

        assertThat(second.rows(9).get(0).getSource()).isEqualTo(Source.SOURCE_CACHED);
        assertThat(second.rows(9).get(0).getTier()).isEqualTo("memory");
        assertThat(second.rows(9).get(0).getBlock())
                .isEqualTo(first.rows(1).get(0).getBlock());
    }

    @Test
    void score_badSequence_failsAlone() throws InvalidProtocolBufferException {
        TestStream stream = fixture.stream().open(4);
        stream.score(TestStream.sequence(1, 5, 1_000));
        stream.score(
                TestStream.sequence(2, 5, 6).toBuilder().setTokenIdsCrc32C(1).build());
        stream.score(3, 5, 6, 7).awaitDone(3);

        SequenceFailed outOfRange = stream.awaitFailed(1);
        assertThat(code(outOfRange)).isEqualTo(Status.Code.INVALID_ARGUMENT.value());
        assertThat(outOfRange.getStatus().getMessage())
                .isEqualTo("token_ids[1]: 1000 (expected: below vocabulary_size=1000)");
        assertThat(errorInfo(outOfRange.getStatus()))
                .isEqualTo(ErrorInfo.newBuilder()
                        .setDomain("lyne.dev")
                        .setReason("INVALID_REQUEST")
                        .build());
        assertThat(code(stream.awaitFailed(2))).isEqualTo(Status.Code.DATA_LOSS.value());
        assertThat(stream.live()).isTrue();
        assertThat(fixture.refusals("invalid_request")).isEqualTo(1);
        assertThat(fixture.refusals("checksum_mismatch")).isEqualTo(1);
    }

    @Test
    void open_otherModelDigest_endsBeforeAnyRowNamingBoth() throws InvalidProtocolBufferException {
        byte[] other = new byte[32];
        TestStream stream = fixture.stream()
                .open(TestStream.topK(4).toBuilder()
                        .setExpectedDigests(TeacherDigests.newBuilder()
                                .setModelSha256(com.google.protobuf.ByteString.copyFrom(other)))
                        .build())
                .score(1, 5, 6);

        Status status = stream.awaitEnd();
        assertThat(status.getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(status.getDescription()).contains("00".repeat(32)).contains("(expected: the teacher's ");
        assertThat(stream.received()).isEmpty();
        com.google.rpc.Status details = StatusProto.fromThrowable(stream.error());
        assertThat(details).isNotNull();
        assertThat(errorInfo(details).getReason()).isEqualTo("TEACHER_MISMATCH");
        assertThat(fixture.teacher.batches()).isEmpty();
    }

    @Test
    void open_unknownTeacher_isNotFoundNamingThose() {
        TestStream stream = fixture.stream()
                .open(TestStream.topK(4).toBuilder().setTeacher("other").build());

        assertThat(stream.awaitEnd().getCode()).isEqualTo(Status.Code.NOT_FOUND);
        assertThat(stream.awaitEnd().getDescription()).isEqualTo("teacher: other (expected: one of [fake])");
    }

    @Test
    void sequence_beforeOpen_endsTheCall() {
        TestStream stream = fixture.stream().score(1, 5, 6);

        assertThat(stream.awaitEnd().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    }

    @Test
    void open_twice_endsTheCall() {
        assertThat(fixture.stream().open(4).open(4).awaitEnd().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    }

    @Test
    void message_empty_endsTheCall() {
        TestStream stream = fixture.stream().open(4).send(ScoreSequencesRequest.getDefaultInstance());

        assertThat(stream.awaitEnd().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    }

    @Test
    void sequence_idInFlight_endsTheCallAndDropsItsWork() {
        fixture.teacher.hold();
        TestStream stream = fixture.stream().open(4).score(1, 5, 6).score(1, 5, 7);

        Status status = stream.awaitEnd();
        assertThat(status.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(status.getDescription()).isEqualTo("sequence.id: 1 (expected: an id not in flight)");
        await().until(() -> fixture.gauge("lyne.teacher.admitted.tokens") == 0);
        assertThat(fixture.gauge("lyne.teacher.sequences.in.flight")).isZero();
        await().until(() -> fixture.gauge("lyne.teacher.streams") == 0);
    }

    @Test
    void sequence_idUsedAgainAfterDone_isServed() {
        TestStream stream = fixture.stream().open(4).score(1, 5, 6).awaitDone(1).score(1, 7, 8);

        await().until(() -> stream.done() == 2);
    }

    @Test
    void cancel_waiting_answersCancelled() {
        fixture.teacher.hold();
        TestStream stream = fixture.stream().open(4).score(1, 5, 6);
        await().until(() -> fixture.teacher.batches().size() == 1);
        stream.score(2, 5, 7).withdraw(2).withdraw(77);

        assertThat(code(stream.awaitFailed(2))).isEqualTo(Status.Code.CANCELLED.value());
        fixture.teacher.allowAll();
        stream.awaitDone(1);
        assertThat(fixture.teacher.sequencesScored()).isEqualTo(1);
    }

    @Test
    void timeout_passesInTheQueue_isDeadlineExceeded() {
        fixture.teacher.hold();
        TestStream stream = fixture.stream().open(4).score(1, 5, 6);
        await().until(() -> fixture.teacher.batches().size() == 1);
        stream.score(
                TestStream.sequence(2, 5, 7).toBuilder().setTimeoutMillis(200).build());
        // On a machine that stands still for so long, it passes before the queue is reached.
        await().until(() -> fixture.gauge("lyne.teacher.queue.sequences") == 1
                || stream.failed(2).isPresent());
        long end = System.nanoTime() + 201_000_000;
        await().until(() -> System.nanoTime() - end > 0);
        fixture.teacher.allowAll();

        assertThat(code(stream.awaitFailed(2))).isEqualTo(Status.Code.DEADLINE_EXCEEDED.value());
        assertThat(fixture.teacher.sequencesScored()).isEqualTo(1);
    }

    @Test
    void halfClose_withWorkInFlight_answersItThenCompletes() {
        fixture.teacher.hold();
        TestStream stream =
                fixture.stream().open(4).score(1, 5, 6).score(2, 5, 7).halfClose();
        await().until(() -> fixture.teacher.batches().size() == 1);
        assertThat(stream.live()).isTrue();
        fixture.teacher.allowAll();

        assertThat(stream.awaitEnd().isOk()).isTrue();
        assertThat(stream.done()).isEqualTo(2);
    }

    @Test
    void halfClose_idle_completes() {
        assertThat(fixture.stream().open(4).halfClose().awaitEnd().isOk()).isTrue();
    }

    @Test
    void modelThrows_batchFailsInternalAndTheServerGoesOn() {
        fixture.teacher.failOn(13);
        TestStream stream = fixture.stream().open(4).score(1, 5, 13);

        assertThat(code(stream.awaitFailed(1))).isEqualTo(Status.Code.INTERNAL.value());
        stream.score(2, 5, 6).awaitDone(2);
    }
}
