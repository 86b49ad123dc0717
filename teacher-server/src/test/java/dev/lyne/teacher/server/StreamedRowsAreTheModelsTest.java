package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.batch.BatchOptions;
import dev.lyne.teacher.model.LanguageModelTeacher;
import dev.lyne.teacher.model.TinyModelDirectory;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.Rows;
import dev.lyne.v1.Selection;
import dev.lyne.v1.TopPK;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.Positions;
import dev.lyne.wire.TargetBlock;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows that a student receives, which are bit for bit what the model says when it is asked directly. */
final class StreamedRowsAreTheModelsTest {
    private static final long SEED = 7;

    @TempDir
    private Path directory;

    private static OpenStream topPK() {
        return TestStream.topK(1).toBuilder()
                .setSelection(Selection.newBuilder()
                        .setTopPK(TopPK.newBuilder().setP(0.5).setK(100))
                        .addTemperatures(2f)
                        .addTemperatures(0.5f))
                .build();
    }

    private static List<int[]> sequences(int vocabulary) {
        Random random = new Random(SEED);
        List<int[]> sequences = new ArrayList<>();
        for (int length : new int[] {2, 17, 100, 299, 300}) {
            sequences.add(random.ints(length, 0, vocabulary).toArray());
        }
        return sequences;
    }

    @Test
    void stream_deterministicTeacher_equalsADirectCallWhateverElseIsAsked() throws Exception {
        check(true, TestStream.topK(20), RowContent.topK(20));
    }

    @Test
    void stream_topPKWithTemperatures_equalsADirectCall() throws Exception {
        check(false, topPK(), RowContent.of(new dev.lyne.row.Selection.TopPK(0.5, 100, 1f, List.of(2f, 0.5f))));
    }

    private void check(boolean deterministic, OpenStream open, RowContent selection) throws Exception {
        TinyModelDirectory.write(directory, TinyModelDirectory.PADDED_VOCABULARY);
        LanguageModelTeacher teacher =
                LanguageModelTeacher.load("tiny", directory, TinyModelDirectory.OPTIONS, deterministic);
        int vocabulary = teacher.description().vocabularySize();
        // A budget of one token puts each sequence into a batch of its own, where the direct call has it too.
        TeacherServer server = TeacherServer.start(
                List.of(teacher),
                TeacherServerOptions.builder()
                        .batching(BatchOptions.of(1, Duration.ofMillis(4)))
                        .build());
        ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port())
                .usePlaintext()
                .build();
        List<int[]> sequences = sequences(vocabulary);
        TestStream stream = TestStream.reading(channel).open(open);
        for (int i = 0; i < sequences.size(); i++) {
            stream.score(i, sequences.get(i));
        }
        stream.awaitDone(0, 1, 2, 3, 4);
        channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
        server.close();

        try (ScoringModel model = ScoringModel.load(
                directory, TinyModelDirectory.OPTIONS, new ScoringOptions(vocabulary, 256, deterministic))) {
            for (int i = 0; i < sequences.size(); i++) {
                int[] tokens = sequences.get(i);
                ScoreItem item = new ScoreItem(tokens, Positions.withLabels(tokens.length));
                ScoreOutcome outcome = model.score(List.of(item), selection).get(0);
                assertThat(outcome).isInstanceOf(ScoreOutcome.Scored.class);
                assertEqual(stream.rows(i), (ScoreOutcome.Scored) outcome, selection);
            }
        }
    }

    private static void assertEqual(List<Rows> messages, ScoreOutcome.Scored scored, RowContent selection) {
        RowColumns expected = scored.rows();
        int row = 0;
        for (Rows message : messages) {
            TargetBlock block = BlockDecoder.decode(message.getBlock().asReadOnlyByteBuffer());
            for (int i = 0; i < block.rows(); i++, row++) {
                int from = row * expected.stride();
                int to = from + expected.counts()[row];
                assertThat(block.header().positions()[i]).isEqualTo(scored.positions()[row]);
                assertThat(Arrays.copyOfRange(block.ids(), block.offsets()[i], block.offsets()[i + 1]))
                        .isEqualTo(Arrays.copyOfRange(expected.ids(), from, to));
                assertThat(Arrays.copyOfRange(block.logProbabilities(), block.offsets()[i], block.offsets()[i + 1]))
                        .isEqualTo(Arrays.copyOfRange(expected.logProbabilities(), from, to));
                assertThat(block.logTailMass()[i]).isEqualTo(expected.logTailMass()[row]);
                assertThat(block.labelLogProbability()[i]).isEqualTo(expected.labelLogProbability()[row]);
                int width = selection.selection().temperatures().size();
                assertThat(Arrays.copyOfRange(block.temperatureOffsets(), i * width, (i + 1) * width))
                        .isEqualTo(Arrays.copyOfRange(expected.temperatureOffsets(), row * width, (row + 1) * width));
            }
        }
        assertThat(row).isEqualTo(expected.rows());
    }
}
