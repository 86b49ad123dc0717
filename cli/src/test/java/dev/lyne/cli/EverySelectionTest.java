package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.load.process.ChildProcess;
import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.student.train.RunSummary;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A server process with a real model, asked for everything that there is to ask for, by clients and by students. */
final class EverySelectionTest {
    private static final int TOKENS = 48;
    private static final int CHOSEN = 6;

    @TempDir
    private static Path shared;

    private static TinyTraining tiny;
    private static ChildProcess server;

    @BeforeAll
    static void serve() throws Exception {
        tiny = new TinyTraining(shared);
        server = tiny.serve();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    static List<Selection> selections() {
        return List.of(
                new Selection.TopK(64, List.of(0.5f, 2f)),
                new Selection.TopPK(0.2, 600, 1f, List.of()),
                new Selection.TopFraction(0.05, List.of()),
                new Selection.Draws(50, 0, 7, List.of()),
                new Selection.Draws(30, 8, 7, List.of()),
                new Selection.Chosen(CHOSEN, List.of(2f)),
                new Selection.LabelOnly(List.of(2f)));
    }

    /** Rows that a client hands out have passed every check; the precisions tell the same rows. */
    @ParameterizedTest
    @MethodSource("selections")
    void rows_inEveryPrecision_passTheStudentsChecksAndAgree(Selection selection) throws Exception {
        Targets exact = take(selection, Precision.EXACT, true);
        assertThat(exact.rows()).isEqualTo(TOKENS - 1);
        for (Precision precision : List.of(Precision.HALF, Precision.COMPACT)) {
            Targets coded = take(selection, precision, false);
            assertThat(coded.columns().counts()).isEqualTo(exact.columns().counts());
            for (int row = 0; row < exact.rows(); row++) {
                int from = row * exact.columns().stride();
                int to = from + exact.columns().counts()[row];
                assertThat(Arrays.copyOfRange(coded.columns().ids(), from, to))
                        .containsExactlyInAnyOrder(
                                Arrays.copyOfRange(exact.columns().ids(), from, to));
                assertThat(coded.columns().labelLogProbability()[row])
                        .isEqualTo(exact.columns().labelLogProbability()[row], within(0.11f));
                assertThat(coded.columns().logTailMass()[row])
                        .isEqualTo(exact.columns().logTailMass()[row], within(0.06f));
            }
            assertThat(coded.blockBytes()).isLessThan(exact.blockBytes());
        }
    }

    @Test
    void train_drawsBesideAHead_learns() throws Exception {
        assertLearns(
                "hybrid", List.of("--selection", "draws", "--draws", "20", "--head", "4"), "draws draws=20 head=4");
    }

    @Test
    void train_chosenTokens_learns() throws Exception {
        assertLearns("chosen", List.of("--selection", "chosen", "--top-k", "8"), "chosen top_k=8");
    }

    private static void assertLearns(String name, List<String> selection, String described) throws Exception {
        var arguments = new ArrayList<>(selection);
        arguments.addAll(List.of("--row-precision", "compact"));
        InProcessCommand.succeed(tiny.asking(name, 0, arguments));
        RunSummary summary = RunSummary.read(tiny.directory(name).summary());
        assertThat(summary.selection()).startsWith(described);
        assertThat(summary.rowPrecision()).isEqualTo("compact");
        assertThat(summary.targets().coverage()).isEqualTo(1.0);
        assertThat(summary.targets().bytesPerPosition()).isBetween(2.0, 200.0);
    }

    private static Targets take(Selection selection, Precision precision, boolean rawLogits) throws Exception {
        var request = new TargetRequest(selection, precision, rawLogits, TeacherExpectation.any());
        int[] tokens = tiny.tokens(100, TOKENS);
        int[] positions = IntStream.range(0, TOKENS - 1).toArray();
        int[][] chosen = Arrays.stream(positions)
                .mapToObj(t -> new int[] {tokens[t + 1], (tokens[t + 1] + 1 + t) % 4000, 4090})
                .map(ids -> Arrays.stream(ids).distinct().toArray())
                .toArray(int[][]::new);
        try (TeacherClient client = TeacherClient.connect(tiny.address(), ClientOptions.defaults());
                TargetStream stream = client.open(request)) {
            stream.offer(new TargetSequence(
                    1, tokens, positions, selection instanceof Selection.Chosen ? chosen : new int[0][]));
            return stream.take();
        }
    }
}
