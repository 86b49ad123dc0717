package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.teacher.model.LanguageModelTeacher;
import dev.lyne.teacher.model.TinyModelDirectory;
import dev.lyne.v1.ChosenTokens;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.Rows;
import dev.lyne.v1.Sequence;
import dev.lyne.wire.Positions;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * In deterministic mode two servers answer the same requests with the same bytes, whatever the selection and precision, in whatever
 * order they are asked, and whatever else either has been asked before.
 */
final class SameBytesOnTwoServersTest {
    private static final long SEED = 5;

    private static final List<Selection> SELECTIONS = List.of(
            new Selection.TopK(20, List.of(2f, 0.5f)),
            new Selection.TopK(7, List.of()),
            new Selection.TopPK(0.4, 50, 1f, List.of()),
            new Selection.TopPK(0.4, 50, 2f, List.of(2f)),
            new Selection.TopFraction(0.05, List.of()),
            new Selection.Draws(30, 0, 9, List.of()),
            new Selection.Draws(30, 4, 9, List.of(2f)),
            new Selection.Chosen(5, List.of()),
            new Selection.LabelOnly(List.of(2f)));

    @TempDir
    private Path directory;

    /** A request. */
    private record Request(OpenStream open, Sequence sequence) {}

    private static List<Request> requests(int vocabulary) {
        Random random = new Random(SEED);
        List<Request> requests = new ArrayList<>();
        for (int length : new int[] {17, 300}) {
            int[] tokens = random.ints(length, 0, vocabulary).toArray();
            int[] some = IntStream.range(0, length).filter(i -> i % 3 != 1).toArray();
            for (Selection selection : SELECTIONS) {
                for (Precision precision : Precision.values()) {
                    requests.add(request(selection, precision, false, tokens, Positions.withLabels(length)));
                    requests.add(request(selection, precision, false, tokens, some));
                }
                requests.add(request(selection, Precision.HALF, true, tokens, some));
            }
        }
        return requests;
    }

    private static Request request(
            Selection selection, Precision precision, boolean rawLogits, int[] tokens, int[] positions) {
        OpenStream.Builder open = TestStream.opening(selection, precision).setShareChosen(true);
        open.getSelectionBuilder().setRawLogits(rawLogits);
        Sequence.Builder sequence =
                TestStream.sequence(1, tokens).toBuilder().addAllPositions(Positions.toRanges(positions));
        if (selection instanceof Selection.Chosen) {
            for (int position : positions) {
                sequence.addChosen(ChosenTokens.newBuilder()
                        .addTokenIds(position % 7)
                        .addTokenIds(100 + position % 11)
                        .addTokenIds(50));
            }
        }
        return new Request(open.build(), sequence.build());
    }

    /** Asks one after the other, so that what is held grows as it comes; bytes by request. */
    private List<List<ByteString>> answers(List<Request> requests, List<Integer> order) throws Exception {
        LanguageModelTeacher teacher = LanguageModelTeacher.load("tiny", directory, TinyModelDirectory.OPTIONS, true);
        TeacherServer server = TeacherServer.start(
                List.of(teacher), TeacherServerOptions.builder().build());
        ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port())
                .usePlaintext()
                .build();
        List<List<ByteString>> answers = new ArrayList<>(Collections.nCopies(requests.size(), List.of()));
        for (int number : order) {
            Request request = requests.get(number);
            List<Rows> rows = TestStream.reading(channel)
                    .open(request.open())
                    .score(request.sequence())
                    .awaitNext(1)
                    .rows(1);
            assertThat(rows).isNotEmpty().noneMatch(Rows::getNarrowed);
            answers.set(number, rows.stream().map(Rows::getBlock).toList());
        }
        assertThat(server.registry().get("lyne.teacher.cache.hits").counter().count())
                .isPositive();
        channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
        server.close();
        return answers;
    }

    @Test
    void replay_everySelectionAndPrecision_givesTheSameBytes() throws Exception {
        TinyModelDirectory.write(directory, TinyModelDirectory.PADDED_VOCABULARY);
        List<Request> requests = requests(257);
        List<Integer> inOrder = IntStream.range(0, requests.size()).boxed().toList();
        List<Integer> shuffled = new ArrayList<>(inOrder);
        Collections.shuffle(shuffled, new Random(SEED));

        List<List<ByteString>> one = answers(requests, inOrder);
        List<List<ByteString>> other = answers(requests, shuffled);
        for (int i = 0; i < requests.size(); i++) {
            assertThat(other.get(i))
                    .as("%s, seed %d", requests.get(i).open(), SEED)
                    .isEqualTo(one.get(i));
        }
    }
}
