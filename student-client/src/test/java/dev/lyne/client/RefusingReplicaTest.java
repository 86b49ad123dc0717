package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.ByteString;
import dev.lyne.v1.Teacher;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Replicas that refuse: another may take what one refuses. The run ends where none takes it, and at once. */
@Timeout(60)
final class RefusingReplicaTest {
    private static final StatusRuntimeException NOT_FOUND =
            FakeTeacher.failure(Status.Code.NOT_FOUND, "TEACHER_NOT_FOUND", "teacher: fake (expected: one of [other])");
    private static final StatusRuntimeException UNKNOWN_TOKEN =
            FakeTeacher.failure(Status.Code.UNAUTHENTICATED, "UNAUTHENTICATED", "a token that is not known");

    private final List<String> lines = Collections.synchronizedList(new ArrayList<>());

    private ClientOptions.Builder options() {
        return Students.optionsBuilder().listener(lines::add);
    }

    private static String both(FakeTeacher one, FakeTeacher other) {
        return one.address() + "," + other.address();
    }

    private long linesOf(FakeTeacher teacher) {
        synchronized (lines) {
            return lines.stream()
                    .filter(line -> line.startsWith("teacher " + teacher.address() + ": "))
                    .count();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Status.Code.class,
            names = {"NOT_FOUND", "UNAUTHENTICATED", "PERMISSION_DENIED", "INVALID_ARGUMENT", "UNIMPLEMENTED"})
    void take_oneOfTwoRefuses_theOtherServesAndOneLineSaysSo(Status.Code code) throws Exception {
        try (FakeTeacher refusing = new FakeTeacher(1);
                FakeTeacher serving = new FakeTeacher(1);
                TeacherClient client =
                        TeacherClient.connect(both(refusing, serving), options().build())) {
            refusing.refusal = FakeTeacher.failure(code, "", "not here");
            try (TargetStream stream = client.open(Students.REQUEST)) {
                List<TargetSequence> sequences = Students.sequences(40, 81);
                Students.assertExactly(Students.takeAll(stream, sequences), sequences, serving.model);
                await().until(() -> refusing.opened.size() >= 3);
                Students.assertExactly(Students.takeAll(stream, sequences), sequences, serving.model);
                assertThat(linesOf(refusing)).as("however often it is asked").isEqualTo(1);
                assertThat(lines)
                        .contains("teacher " + refusing.address() + ": " + code
                                + ": not here; it is asked again now and then, and others meanwhile");
                assertThat(refusing.asked).isEmpty();
                assertThat(serving.opened).hasSize(1);
            }
        }
    }

    /** One that was taken out of the list, and put back. */
    @Test
    void take_replicaRefusesForAWhile_itHasItsPartAgainOnceItAccepts() throws Exception {
        try (FakeTeacher leaving = new FakeTeacher(1);
                FakeTeacher staying = new FakeTeacher(1);
                TeacherClient client =
                        TeacherClient.connect(both(leaving, staying), options().build());
                TargetStream stream = client.open(Students.REQUEST)) {
            await().until(() -> !leaving.opened.isEmpty() && !staying.opened.isEmpty());
            leaving.refusal = NOT_FOUND;
            leaving.end(Status.UNAVAILABLE.withDescription("draining").asRuntimeException());
            await().until(() -> linesOf(leaving) == 1);
            assertThat(leaving.opened).as("asked a few times before").hasSizeGreaterThanOrEqualTo(4);
            List<TargetSequence> sequences = Students.sequences(40, 82);
            Students.assertExactly(Students.takeAll(stream, sequences), sequences, staying.model);

            leaving.refusal = null;
            await().until(() -> lines.contains("teacher " + leaving.address() + ": it accepts the stream again"));
            int before = leaving.asked.size();
            Students.assertExactly(Students.takeAll(stream, sequences), sequences, staying.model);
            assertThat(leaving.asked.size()).isGreaterThan(before);
            assertThat(stream.statistics().coverage()).isEqualTo(1.0);
        }
    }

    /** The other may come back: the run waits until its progress timeout, and then says what each was. */
    @Test
    void take_oneRefusesAndTheOtherIsGone_waitsAndNamesBoth() throws Exception {
        try (FakeTeacher refusing = new FakeTeacher(1);
                FakeTeacher going = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(
                        both(refusing, going),
                        options().retryFor(Duration.ofMillis(600)).build())) {
            refusing.refusal = NOT_FOUND;
            try (TargetStream stream = client.open(Students.REQUEST)) {
                await().until(() -> linesOf(refusing) == 1);
                going.answering = asked -> {};
                stream.offer(Students.sequences(1, 83).get(0));
                going.close();
                assertThatThrownBy(stream::take)
                        .isInstanceOf(TeacherUnavailableException.class)
                        .hasMessageContaining("teacher " + refusing.address()
                                + ": NOT_FOUND: teacher: fake (expected: one of [other]) (")
                        .hasMessageContaining("teacher " + going.address() + ": connection refused");
            }
        }
    }

    @Test
    void open_allRefuse_endsAtOnceWithWhatEachSays() throws Exception {
        try (FakeTeacher one = new FakeTeacher(1);
                FakeTeacher other = new FakeTeacher(1);
                TeacherClient client =
                        TeacherClient.connect(both(one, other), options().build())) {
            one.refusal = UNKNOWN_TOKEN;
            other.refusal = NOT_FOUND;
            assertThatThrownBy(() -> client.open(Students.REQUEST))
                    .isInstanceOf(TeacherRefusedException.class)
                    .hasMessage("teacher " + one.address() + ": UNAUTHENTICATED: a token that is not known; teacher "
                            + other.address() + ": NOT_FOUND: teacher: fake (expected: one of [other])");
        }
    }

    @Test
    void open_loneReplicaRefuses_endsAtOnceWithItsWords() throws Exception {
        try (FakeTeacher lone = new FakeTeacher(1);
                TeacherClient client =
                        TeacherClient.connect(lone.address(), options().build())) {
            lone.refusal = UNKNOWN_TOKEN;
            assertThatThrownBy(() -> client.open(Students.REQUEST))
                    .isInstanceOf(TeacherRefusedException.class)
                    .hasMessage("teacher " + lone.address() + ": UNAUTHENTICATED: a token that is not known");
            assertThat(lone.opened).hasSize(1);
            assertThat(lines).isEmpty();
        }
    }

    /** A token that is taken out while the run goes on: a few tries, in case that its file holds another by then. */
    @Test
    void take_allRefuseLater_endsAfterAFewTriesWithWhatEachSays() throws Exception {
        try (FakeTeacher one = new FakeTeacher(1);
                FakeTeacher other = new FakeTeacher(1);
                TeacherClient client =
                        TeacherClient.connect(both(one, other), options().build());
                TargetStream stream = client.open(Students.REQUEST)) {
            await().until(() -> !one.opened.isEmpty() && !other.opened.isEmpty());
            one.answering = asked -> {};
            other.answering = asked -> {};
            stream.offer(Students.sequences(1, 84).get(0));
            for (FakeTeacher each : List.of(one, other)) {
                each.refusal = UNKNOWN_TOKEN;
                each.end(UNKNOWN_TOKEN);
            }
            assertThatThrownBy(stream::take)
                    .isInstanceOf(TeacherRefusedException.class)
                    .hasMessageContaining("teacher " + one.address() + ": UNAUTHENTICATED: a token that is not known")
                    .hasMessageContaining(
                            "teacher " + other.address() + ": UNAUTHENTICATED: a token that is not known");
            assertThat(Math.min(one.opened.size(), other.opened.size())).isEqualTo(3);
        }
    }

    @Test
    void take_oneHoldsAnotherTeacher_endsThoughTheOtherServes() throws Exception {
        try (FakeTeacher mismatched = new FakeTeacher(1);
                FakeTeacher serving = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(
                        both(mismatched, serving), options().build());
                TargetStream stream = client.open(Students.REQUEST)) {
            await().until(() -> !mismatched.opened.isEmpty() && !serving.opened.isEmpty());
            mismatched.answering = asked -> {};
            serving.answering = asked -> {};
            stream.offer(Students.sequences(1, 85).get(0));
            mismatched.end(FakeTeacher.failure(
                    Status.Code.FAILED_PRECONDITION, "TEACHER_CHANGED", "the engine has other weights"));
            assertThatThrownBy(stream::take)
                    .isInstanceOf(TeacherMismatchException.class)
                    .hasMessageContaining("the engine has other weights");
        }
    }

    /** A bit that was turned over on the way makes another digest of one, of the teacher's answer or of what it was asked for. */
    @Test
    void take_loneReplicaIsHeardAsAnotherTeacherTwice_isAskedAgainAndLosesNothing() throws Exception {
        StatusRuntimeException mismatch = FakeTeacher.failure(
                Status.Code.FAILED_PRECONDITION, "TEACHER_MISMATCH", "model_sha256: 01 (expected: 02)");
        try (FakeTeacher lone = new FakeTeacher(1);
                TeacherClient client =
                        TeacherClient.connect(lone.address(), options().build())) {
            lone.nextRefusals.addAll(List.of(mismatch, mismatch));
            try (TargetStream stream = client.open(Students.REQUEST)) {
                List<TargetSequence> sequences = Students.sequences(20, 86);
                Students.assertExactly(Students.takeAll(stream, sequences), sequences, lone.model);
            }
            lone.nextRefusals.addAll(List.of(mismatch, mismatch, mismatch));
            assertThatThrownBy(() -> client.open(Students.REQUEST))
                    .isInstanceOf(TeacherMismatchException.class)
                    .hasMessageContaining("model_sha256: 01 (expected: 02)");
        }
    }

    /** A bit that was turned over on the way makes nonsense of a message once; the next one is read. */
    @ParameterizedTest
    @ValueSource(strings = {"MALFORMED_MESSAGE", "PROTOCOL_VIOLATION"})
    void take_loneReplicaCannotReadAMessageTwice_isAskedAgainAndLosesNothing(String reason) throws Exception {
        StatusRuntimeException garbled = FakeTeacher.failure(Status.Code.INVALID_ARGUMENT, reason, "message: 3 bytes");
        AtomicInteger ends = new AtomicInteger();
        try (FakeTeacher lone = new FakeTeacher(1);
                TeacherClient client =
                        TeacherClient.connect(lone.address(), options().build())) {
            lone.nextRefusals.addAll(List.of(garbled, garbled));
            try (TargetStream stream = client.open(Students.REQUEST)) {
                lone.answering = asked -> {
                    if (lone.asked.size() % 10 == 0 && ends.incrementAndGet() <= 3) {
                        asked.rows(0, 1);
                        asked.session.end(garbled);
                    } else {
                        asked.answer(5);
                    }
                };
                List<TargetSequence> sequences = Students.sequences(60, 86);
                Students.assertExactly(Students.takeAll(stream, sequences), sequences, lone.model);
                assertThat(ends.get()).isGreaterThanOrEqualTo(3);
                assertThat(stream.statistics().coverage()).isEqualTo(1.0);
            }
        }
    }

    @Test
    void open_loneReplicaNeverCanReadTheMessage_endsAfterAFewTries() throws Exception {
        try (FakeTeacher lone = new FakeTeacher(1);
                TeacherClient client =
                        TeacherClient.connect(lone.address(), options().build())) {
            lone.refusal = FakeTeacher.failure(
                    Status.Code.INVALID_ARGUMENT, "MALFORMED_MESSAGE", "message: 3 bytes (expected: a request)");
            assertThatThrownBy(() -> client.open(Students.REQUEST))
                    .isInstanceOf(TeacherRefusedException.class)
                    .hasMessageContaining("INVALID_ARGUMENT: message: 3 bytes (expected: a request)");
            assertThat(lone.opened).hasSize(3);
        }
    }

    @Test
    void connect_oneOfTwoRefuses_theOtherDescribesTheTeacher() throws Exception {
        try (FakeTeacher refusing = new FakeTeacher(1);
                FakeTeacher late = new FakeTeacher(1)) {
            refusing.descriptionRefusal = NOT_FOUND;
            late.descriptionRefusal =
                    Status.UNAVAILABLE.withDescription("loading").asRuntimeException();
            Thread loading = new Thread(() -> {
                await().until(() -> refusing.described.get() >= 2);
                late.descriptionRefusal = null;
            });
            loading.start();
            try (TeacherClient client =
                    TeacherClient.connect(both(refusing, late), options().build())) {
                assertThat(client.describe().vocabularySize()).isEqualTo(FakeTeacher.VOCABULARY);
            } finally {
                loading.join();
            }
        }
    }

    /** A bit of the first description was turned over on the way: the run that begins with it would take no row of any teacher. */
    @Test
    void connect_firstDescriptionWasChangedOnTheWay_isNotBelieved() throws Exception {
        try (FakeTeacher lone = new FakeTeacher(1)) {
            byte[] changed = lone.modelDigest.toByteArray();
            changed[7] ^= 4;
            Teacher right = lone.description();
            lone.nextDescriptions.add(right.toBuilder()
                    .setDigests(right.getDigests().toBuilder().setModelSha256(ByteString.copyFrom(changed)))
                    .build());
            try (TeacherClient client =
                            TeacherClient.connect(lone.address(), options().build());
                    TargetStream stream = client.open(Students.REQUEST)) {
                assertThat(client.describe()).isEqualTo(Contract.description(right));
                List<TargetSequence> sequences = Students.sequences(4, 87);
                Students.assertExactly(Students.takeAll(stream, sequences), sequences, lone.model);
            }
            assertThat(lone.described).hasValue(3);
        }
    }

    @Test
    void connect_allRefuse_endsAtOnceWithWhatEachSays() throws Exception {
        try (FakeTeacher one = new FakeTeacher(1);
                FakeTeacher other = new FakeTeacher(1)) {
            one.descriptionRefusal = NOT_FOUND;
            other.descriptionRefusal = UNKNOWN_TOKEN;
            assertThatThrownBy(() ->
                            TeacherClient.connect(both(one, other), options().build()))
                    .isInstanceOf(TeacherRefusedException.class)
                    .hasMessage("teacher " + one.address()
                            + ": NOT_FOUND: teacher: fake (expected: one of [other]); teacher " + other.address()
                            + ": UNAUTHENTICATED: a token that is not known");
        }
    }

    /** Details that were changed on the way take nothing from the end of a call. */
    @Test
    void of_detailsThatCannotBeRead_isTheFailureWithoutThem() {
        Metadata trailers = new Metadata();
        trailers.put(
                Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER),
                new byte[] {(byte) 0xff, (byte) 0xff, 1});
        CallFailure failure =
                CallFailure.of(Status.UNAVAILABLE.withDescription("going away").asRuntimeException(trailers));
        assertThat(failure).isEqualTo(CallFailure.of(Status.Code.UNAVAILABLE, "going away"));
    }
}
