package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.MutatingProxy;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.client.WireAssertions;
import dev.lyne.client.WireMutations;
import dev.lyne.load.process.ChildProcess;
import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A real server, a real model and real text, with a wire between server and student that changes what it carries. */
final class WireBetweenProcessesTest {
    private static final int TOKENS = 64;
    private static final int VOCABULARY = 4096;

    @TempDir
    private static Path shared;

    private static TinyTraining tiny;
    private static ChildProcess server;

    private MutatingProxy wire;

    @BeforeAll
    static void serve() throws Exception {
        tiny = new TinyTraining(shared);
        server = tiny.serve("server", List.of("--threads", "1", "--teacher", TinyTraining.EXAMPLE_TEACHER.toString()));
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @BeforeEach
    void connect() throws Exception {
        wire = new MutatingProxy("127.0.0.1", tiny.port());
    }

    @AfterEach
    void disconnect() throws Exception {
        wire.close();
    }

    /** Every selection whose rows keep entries, and every precision. */
    static List<TargetRequest> requests() {
        return List.of(
                request(new Selection.TopK(64, List.of(2f)), Precision.COMPACT),
                request(new Selection.TopK(64, List.of()), Precision.EXACT),
                request(new Selection.TopPK(0.9, 100, 1f, List.of()), Precision.HALF),
                request(new Selection.TopFraction(0.05, List.of()), Precision.COMPACT),
                request(new Selection.Draws(40, 0, 7, List.of()), Precision.COMPACT),
                request(new Selection.Draws(20, 8, 7, List.of()), Precision.EXACT),
                request(new Selection.Chosen(8, List.of()), Precision.COMPACT));
    }

    private static TargetRequest request(Selection selection, Precision precision) {
        return new TargetRequest(selection, precision, false, TeacherExpectation.any());
    }

    @ParameterizedTest
    @MethodSource("requests")
    void wire_unaltered_deliversRows(TargetRequest request) throws Exception {
        try (TeacherClient client = client();
                TargetStream stream = client.open(request)) {
            stream.offer(sequence(17, request));
            assertThat(stream.take().rows()).isEqualTo(TOKENS - 1);
        }
    }

    @ParameterizedTest
    @MethodSource("requests")
    void rows_shiftedByOne_areCaught(TargetRequest request) throws Exception {
        wire.response = WireMutations.rowsShiftedByOne(TOKENS);
        assertCaught(request, "");
    }

    @ParameterizedTest
    @MethodSource("requests")
    void sequences_swapped_areBothCaught(TargetRequest request) throws Exception {
        wire.response = WireMutations.sequencesSwapped();
        WireAssertions.assertBothCaught(client(), request, sequence(17, request), sequence(18, request));
    }

    @ParameterizedTest
    @MethodSource("requests")
    void request_oneTokenIdChanged_isCaught(TargetRequest request) throws Exception {
        wire.request = WireMutations.tokenChanged(VOCABULARY);
        assertCaught(request, "position 0: rows digest ");
    }

    @ParameterizedTest
    @MethodSource("requests")
    void request_positionsOffByOne_areCaught(TargetRequest request) throws Exception {
        wire.request = WireMutations.positionsOffByOne(TOKENS);
        assertCaught(request, "position 1: a block that starts there (expected: the block of position 0)");
    }

    @ParameterizedTest
    @MethodSource("requests")
    void block_ofAnotherTeacher_isCaught(TargetRequest request) throws Exception {
        wire.response = WireMutations.anotherTeacher();
        assertCaught(request, "position 0: teacher digest ");
    }

    @ParameterizedTest
    @MethodSource("requests")
    void block_ofAnotherSelection_isCaught(TargetRequest request) throws Exception {
        Selection other = request.selection() instanceof Selection.Chosen
                ? new Selection.Chosen(9, List.of())
                : new Selection.TopPK(0.7, 8, 1f, List.of());
        wire.request = WireMutations.anotherSelection(other, false);
        assertCaught(request, "position 0: selection " + other + " (expected: ");
    }

    @ParameterizedTest
    @MethodSource("requests")
    void block_ofAnotherPrecision_isCaught(TargetRequest request) throws Exception {
        Precision other = request.precision() == Precision.EXACT ? Precision.HALF : Precision.EXACT;
        wire.request = WireMutations.anotherPrecision(other);
        assertCaught(request, "position 0: precision ");
    }

    private void assertCaught(TargetRequest request, String what) throws Exception {
        WireAssertions.assertCaught(client(), request, sequence(17, request), what);
    }

    private TeacherClient client() {
        return TeacherClient.connect(wire.address(), ClientOptions.defaults());
    }

    /** Text from another place for each id; chosen are the token that comes next and three others. */
    private static TargetSequence sequence(int id, TargetRequest request) throws Exception {
        int[] tokens = tiny.tokens(20 * id, TOKENS);
        int[] positions = IntStream.range(0, TOKENS - 1).toArray();
        int[][] chosen = Arrays.stream(positions)
                .mapToObj(t -> IntStream.range(0, 4)
                        .map(i -> (tokens[t + 1] + i * i) % VOCABULARY)
                        .toArray())
                .toArray(int[][]::new);
        return new TargetSequence(
                id, tokens, positions, request.selection() instanceof Selection.Chosen ? chosen : new int[0][]);
    }
}
