package dev.lyne.teacher.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.SequenceFailedException;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.client.TeacherRefusedException;
import dev.lyne.row.Precision;
import dev.lyne.row.RowSource;
import dev.lyne.row.Selection;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A teacher that is no local model is served through the door that any user has, with the server's caches and checks. */
final class RemoteTeacherTest {
    private static final TargetSequence SEQUENCE = TargetSequence.whole(1, new int[] {3, 4, 9, 2});

    private final RemoteTeacher teacher = new RemoteTeacher();
    private TeacherServer server;
    private TeacherClient client;

    @BeforeEach
    void start() throws Exception {
        server = TeacherServer.serve(
                List.of(teacher), TeacherServerOptions.builder().build());
        client = TeacherClient.connect("127.0.0.1:" + server.port(), ClientOptions.defaults());
    }

    @AfterEach
    void stop() throws Exception {
        client.close();
        server.close();
    }

    private Targets take(Selection selection, TargetSequence sequence) throws InterruptedException {
        try (TargetStream stream =
                client.open(new TargetRequest(selection, Precision.EXACT, false, TeacherExpectation.any()))) {
            assertThat(stream.offer(sequence)).isTrue();
            return stream.take();
        }
    }

    @Test
    void rows_ofAnotherTeacher_reachAStudent_andAreKept() throws Exception {
        Targets first = take(new Selection.TopK(4, List.of()), SEQUENCE);
        assertThat(first.rowsBySource()).containsOnlyKeys(RowSource.COMPUTED);
        assertThat(first.columns().top(1)).isEqualTo(4);
        assertThat(first.columns().labelLogProbability()[0]).isEqualTo((float) (-2 * Math.log(2)));

        Targets narrower = take(new Selection.TopK(2, List.of()), SEQUENCE);
        assertThat(narrower.rowsBySource()).containsOnlyKeys(RowSource.cached("memory"));
        assertThat(teacher.asked).hasValue(1);
        assertThat(teacher.devicePositions()).isEqualTo(3);
    }

    /** A selection by p, taken at temperature 1: rows of the k most probable are enough. */
    @Test
    void topPK_whichFollowsFromTopK_isAnswered() throws Exception {
        Targets targets = take(new Selection.TopPK(0.6, 4, 1f, List.of()), SEQUENCE);
        assertThat(targets.columns().counts()).containsOnly(2);
    }

    @Test
    void selection_thatItCannotCompute_isRefusedAtOpen() {
        assertThatThrownBy(() -> take(new Selection.Draws(5, 0, 1, List.of()), SEQUENCE))
                .isInstanceOf(TeacherRefusedException.class)
                .hasMessageContaining(
                        "selection: draws draws=5 head=0 draw_seed=1 (expected: top_k, which is what teacher"
                                + " far away computes)");
        assertThatThrownBy(() -> take(new Selection.TopK(5, List.of(2f)), SEQUENCE))
                .isInstanceOf(TeacherRefusedException.class)
                .hasMessageContaining("selection: raw logits or temperatures (expected: neither)");
        assertThat(teacher.asked).hasValue(0);
    }

    @Test
    void sequence_thatFailsThere_failsAloneHere() throws Exception {
        try (TargetStream stream = client.open(TargetRequest.topK(4, List.of(), TeacherExpectation.any()))) {
            stream.offer(TargetSequence.whole(7, new int[] {0, 1}));
            stream.offer(SEQUENCE);
            assertThatThrownBy(stream::take)
                    .isInstanceOf(SequenceFailedException.class)
                    .hasMessageContaining("the engine is gone");
            assertThat(stream.take().rows()).isEqualTo(3);
        }
    }
}
