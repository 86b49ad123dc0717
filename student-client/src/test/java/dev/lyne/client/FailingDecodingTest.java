package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.v1.DecodeFailed;
import dev.lyne.v1.DecodeRequest;
import dev.lyne.v1.DecodeResponse;
import dev.lyne.v1.DecodeSequence;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Texts at a replica that refuses sessions or fails every text, beside one that does not, and alone. */
@Timeout(60)
final class FailingDecodingTest {
    private static final StatusRuntimeException NOT_FOUND =
            FakeTeacher.failure(Status.Code.NOT_FOUND, "TEACHER_NOT_FOUND", "teacher: fake (expected: one of [other])");

    private final List<String> lines = Collections.synchronizedList(new ArrayList<>());

    /** A server that draws token 5, refuses sessions, or fails texts, as it is told. */
    private static final class Decoding extends DecodingServer {
        private final AtomicInteger started = new AtomicInteger();
        private volatile boolean fails;
        private volatile long failingKey = -1;

        Decoding() throws Exception {}

        @Override
        void answer(DecodeRequest request, StreamObserver<DecodeResponse> responses) {
            request.getStart().getSequencesList().forEach(text -> responses.onNext(answer(text)));
        }

        private DecodeResponse answer(DecodeSequence text) {
            started.incrementAndGet();
            return fails || text.getKey() == failingKey
                    ? DecodeResponse.newBuilder()
                            .setFailed(DecodeFailed.newBuilder()
                                    .setSequence(text.getSequence())
                                    .setStatus(FakeTeacher.status(Status.Code.INTERNAL, "the model failed")))
                            .build()
                    : drawn(text.getSequence(), 5, -1);
        }
    }

    private TeacherClient connect(Decoding first, Decoding second) {
        // The first session of this seed goes to the address that stands second.
        return TeacherClient.connect(second.address() + "," + first.address(), options());
    }

    private ClientOptions options() {
        return Students.optionsBuilder().listener(lines::add).build();
    }

    private static TeacherDecoder decoder(TeacherClient client) {
        return client.decoder(DecodeSettings.plain(1, Set.of()));
    }

    private static List<DecodeEvent> draw(TeacherDecoder decoder, int texts) throws InterruptedException {
        for (int key = 0; key < texts; key++) {
            decoder.start(key, new int[] {1, 2, key}, 1);
        }
        List<DecodeEvent> events = new ArrayList<>();
        while (events.size() < texts) {
            events.add(decoder.take());
        }
        return events;
    }

    @Test
    void take_firstRefusesTheSession_theOtherDecodesAndALineSaysSo() throws Exception {
        try (Decoding refusing = new Decoding();
                Decoding serving = new Decoding();
                TeacherClient client = connect(refusing, serving);
                TeacherDecoder decoder = decoder(client)) {
            refusing.refusal = NOT_FOUND;
            assertThat(draw(decoder, 3)).allMatch(event -> event instanceof DecodeEvent.Answered);
            assertThat(refusing.opened).hasValue(1);
            assertThat(lines)
                    .containsExactly("teacher " + refusing.address()
                            + ": NOT_FOUND: teacher: fake (expected: one of [other]); it is asked again now and"
                            + " then, and others meanwhile");
        }
    }

    @Test
    void take_allRefuseTheSession_endsWithWhatEachSays() throws Exception {
        try (Decoding one = new Decoding();
                Decoding other = new Decoding();
                TeacherClient client = connect(one, other);
                TeacherDecoder decoder = decoder(client)) {
            one.refusal = NOT_FOUND;
            other.refusal =
                    FakeTeacher.failure(Status.Code.UNAUTHENTICATED, "UNAUTHENTICATED", "a token that is not known");
            decoder.start(1, new int[] {1, 2}, 1);
            assertThatThrownBy(decoder::take)
                    .isInstanceOf(TeacherRefusedException.class)
                    .hasMessageContaining("teacher " + one.address() + ": NOT_FOUND: teacher: fake")
                    .hasMessageContaining(
                            "teacher " + other.address() + ": UNAUTHENTICATED: a token that is not known");
            assertThat(one.opened).hasValue(1);
            assertThat(other.opened).hasValue(1);
        }
    }

    @Test
    void take_firstFailsEveryText_theOtherDecodesThemAll() throws Exception {
        try (Decoding failing = new Decoding();
                Decoding serving = new Decoding();
                TeacherClient client = connect(failing, serving);
                TeacherDecoder decoder = decoder(client)) {
            failing.fails = true;
            assertThat(draw(decoder, 8)).allMatch(event -> event instanceof DecodeEvent.Answered);
            assertThat(failing.started.get()).isBetween(2, 20);
        }
    }

    @Test
    void take_loneReplicaFailsOneText_thatIsGivenUpAndTheOthersAreNot() throws Exception {
        try (Decoding lone = new Decoding();
                TeacherClient client = TeacherClient.connect(lone.address(), options());
                TeacherDecoder decoder = decoder(client)) {
            lone.failingKey = 2;
            List<DecodeEvent> events = draw(decoder, 5);
            assertThat(events)
                    .filteredOn(event -> event instanceof DecodeEvent.Answered)
                    .hasSize(4);
            assertThat(events)
                    .filteredOn(event -> event instanceof DecodeEvent.Failed)
                    .singleElement()
                    .isInstanceOfSatisfying(
                            DecodeEvent.Failed.class,
                            failed -> assertThat(failed.key()).isEqualTo(2));
            assertThat(lone.started).hasValue(4 + 3);
        }
    }
}
