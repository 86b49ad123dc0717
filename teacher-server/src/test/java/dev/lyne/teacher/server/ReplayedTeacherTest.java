package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.rpc.Code;
import dev.lyne.row.Selection;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.replay.ReplayedTeacher;
import dev.lyne.v1.GetTeacherRequest;
import dev.lyne.v1.PositionRange;
import dev.lyne.v1.Precision;
import dev.lyne.v1.Rows;
import dev.lyne.v1.SelectionKind;
import dev.lyne.v1.SequenceFailed;
import dev.lyne.v1.Source;
import dev.lyne.v1.Teacher;
import dev.lyne.v1.TeacherServiceGrpc;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.Positions;
import dev.lyne.wire.RowFormat;
import dev.lyne.wire.capture.CaptureManifest;
import dev.lyne.wire.capture.CaptureWriter;
import dev.lyne.wire.capture.CapturedPacking;
import dev.lyne.wire.capture.CapturedTeacher;
import dev.lyne.wire.capture.ShardWriter;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A capture of a served teacher, served in its place. */
final class ReplayedTeacherTest {
    private static final int K = 6;
    private static final int[] TOKENS = IntStream.range(0, 300).toArray();

    @TempDir
    private Path directory;

    /** A server of a capture, and a channel to it. */
    private static final class Replay implements AutoCloseable {
        private final TeacherServer server;
        private final ManagedChannel channel;

        Replay(Path directory) throws Exception {
            ReplayedTeacher teacher = ReplayedTeacher.open(directory, Optional.empty(), 2, System::nanoTime);
            server = TeacherServer.replay(
                    List.of(teacher), TeacherServerOptions.builder().build());
            channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port())
                    .usePlaintext()
                    .build();
        }

        TestStream stream() {
            return TestStream.reading(channel);
        }

        @Override
        public void close() throws InterruptedException {
            channel.shutdownNow();
            server.close();
        }
    }

    /** Captures the rows of one sequence from a live server; returns them. */
    private List<Rows> capture(boolean deterministic) throws Exception {
        FakeTeacher teacher = new FakeTeacher("fake", 1_000, 1_024, deterministic);
        try (ServerFixture fixture = new ServerFixture(teacher, options -> options)) {
            List<Rows> rows =
                    fixture.stream().open(K).score(1, TOKENS).awaitDone(1).rows(1);
            write(teacher.description(), rows);
            return rows;
        }
    }

    private void write(TeacherDescription teacher, List<Rows> rows) throws IOException {
        HexFormat hex = HexFormat.of();
        CaptureManifest manifest = CaptureManifest.planned(
                new CapturedTeacher(
                        teacher.name(),
                        hex.formatHex(teacher.modelDigest()),
                        hex.formatHex(teacher.tokenizerDigest()),
                        teacher.vocabularySize(),
                        teacher.contextLength(),
                        teacher.architecture(),
                        teacher.parameters(),
                        teacher.deterministic(),
                        teacher.tailError(),
                        teacher.fingerprint()),
                new RowFormat(new Selection.TopK(K, List.of()), dev.lyne.row.Precision.EXACT, false),
                new CapturedPacking("00".repeat(32), "bos=none eos=none", "some rule", 300, 1, "11".repeat(32)),
                1,
                1);
        try (CaptureWriter writer = CaptureWriter.open(directory, manifest)) {
            try (ShardWriter shard = writer.begin(0)) {
                shard.add(
                        TOKENS,
                        Positions.withLabels(TOKENS.length),
                        rows.stream()
                                .map(message -> message.getBlock().asReadOnlyByteBuffer())
                                .toList());
                shard.finish();
            }
            writer.finish();
        }
    }

    @Test
    void rows_ofACapturedSequence_areTheBytesThatTheServerSent() throws Exception {
        List<Rows> live = capture(true);
        assertThat(live).as("blocks").hasSizeGreaterThan(1);

        try (Replay replay = new Replay(directory)) {
            List<Rows> rows =
                    replay.stream().open(K).score(1, TOKENS).awaitDone(1).rows(1);
            assertThat(rows)
                    .extracting(Rows::getBlock)
                    .isEqualTo(live.stream().map(Rows::getBlock).toList());
            assertThat(rows).extracting(Rows::getFirstPosition).containsExactly(0, 256);
            assertThat(rows).extracting(Rows::getSource).containsOnly(Source.SOURCE_REPLAYED);
            assertThat(rows).extracting(Rows::getNarrowed).containsOnly(false);
        }
    }

    @Test
    void getTeacher_describesTheCapturedOne() throws Exception {
        capture(true);
        TeacherDescription captured = new FakeTeacher("fake", 1_000, 1_024, true).description();

        try (Replay replay = new Replay(directory)) {
            Teacher teacher = TeacherServiceGrpc.newBlockingStub(replay.channel)
                    .getTeacher(GetTeacherRequest.getDefaultInstance())
                    .getTeacher();
            assertThat(teacher.getName()).isEqualTo("fake");
            assertThat(teacher.getDigests().getModelSha256().toByteArray()).isEqualTo(captured.modelDigest());
            assertThat(teacher.getDigests().getTokenizerSha256().toByteArray()).isEqualTo(captured.tokenizerDigest());
            assertThat(teacher.getExecutionFingerprint())
                    .isEqualTo(captured.fingerprint().toMessage());
            assertThat(teacher.getDeterministic()).isTrue();
            assertThat(teacher.getPrecisionsList()).containsExactly(Precision.PRECISION_EXACT);
            assertThat(teacher.getSelectionKindsList()).containsExactly(SelectionKind.SELECTION_KIND_TOP_K);
        }
    }

    @Test
    void sequence_thatWasNotCaptured_failsAlone() throws Exception {
        capture(true);

        try (Replay replay = new Replay(directory)) {
            TestStream stream = replay.stream().open(K).score(1, 7, 8, 9).score(2, TOKENS);
            SequenceFailed failed = stream.awaitFailed(1);
            assertThat(failed.getStatus().getCode()).isEqualTo(Code.NOT_FOUND.getNumber());
            assertThat(failed.getStatus().getMessage())
                    .isEqualTo(
                            "no rows of these 3 tokens at these 2 positions (expected: a sequence that was captured)");
            assertThat(stream.awaitDone(2).rows(2)).hasSize(2);
        }
    }

    @Test
    void stream_ofAFormThatTheCaptureCannotAnswer_isRefusedWithBothValues() throws Exception {
        capture(true);

        try (Replay replay = new Replay(directory)) {
            Status wider = replay.stream().open(K + 1).awaitEnd();
            assertThat(wider.getCode()).isEqualTo(Status.Code.NOT_FOUND);
            assertThat(wider.getDescription())
                    .isEqualTo("top_k top_k=7 (expected: one that the captured top_k top_k=6 contains)");
            Status narrower = replay.stream().open(K - 1).awaitEnd();
            assertThat(narrower.getDescription()).contains("a deterministic teacher's rows are not cut");
            Status coarser = replay.stream()
                    .open(TestStream.opening(new Selection.TopK(K, List.of()), dev.lyne.row.Precision.HALF)
                            .build())
                    .awaitEnd();
            assertThat(coarser.getDescription()).contains("in half (expected: ").contains("in exact");
        }
    }

    @Test
    void rows_ofATeacherThatIsNotDeterministic_areCutToNarrowerRequests() throws Exception {
        capture(false);

        try (Replay replay = new Replay(directory)) {
            List<Rows> rows =
                    replay.stream().open(2).score(1, TOKENS).awaitDone(1).rows(1);
            assertThat(rows).extracting(Rows::getNarrowed).containsOnly(true);
            assertThat(BlockDecoder.decode(rows.get(0).getBlock().asReadOnlyByteBuffer())
                            .count(0))
                    .isEqualTo(2);
        }
    }

    @Test
    void rows_atSomePositions_areThoseAlone() throws Exception {
        capture(true);

        try (Replay replay = new Replay(directory)) {
            List<Rows> rows = replay.stream()
                    .open(K)
                    .score(TestStream.sequence(1, TOKENS).toBuilder()
                            .addPositions(
                                    PositionRange.newBuilder().setFirst(250).setCount(10))
                            .build())
                    .awaitDone(1)
                    .rows(1);
            assertThat(rows).extracting(Rows::getFirstPosition).containsExactly(250, 256);
            assertThat(rows).extracting(Rows::getNarrowed).containsOnly(false);
        }
    }

    @Test
    void damagedEntry_failsItsSequenceWithFileAndPlace() throws Exception {
        capture(true);
        Path shard = directory.resolve("shard-000000.blocks");
        byte[] bytes = Files.readAllBytes(shard);
        bytes[bytes.length / 2] ^= 1;
        Files.write(shard, bytes);

        try (Replay replay = new Replay(directory)) {
            SequenceFailed failed = replay.stream().open(K).score(1, TOKENS).awaitFailed(1);
            assertThat(failed.getStatus().getCode()).isEqualTo(Code.DATA_LOSS.getNumber());
            assertThat(failed.getStatus().getMessage())
                    .contains("shard-000000.blocks: at byte ")
                    .contains("CRC32C");
        }
    }
}
