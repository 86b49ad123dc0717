package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.row.Precision;
import dev.lyne.v1.OpenStream;
import io.grpc.Status;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Nobody there, or not the teacher that the student expects. */
final class WrongTeacherTest {
    @Test
    void connect_nobodyListens_saysWhereAndWhatToDo() throws Exception {
        int port;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = socket.getLocalPort();
        }
        ClientOptions options = Students.optionsBuilder()
                .openTimeout(Duration.ofSeconds(1))
                .retryFor(Duration.ofSeconds(1))
                .build();

        assertThatThrownBy(() -> TeacherClient.connect("127.0.0.1:" + port, options))
                .isInstanceOf(TeacherUnavailableException.class)
                .hasMessage("teacher 127.0.0.1:" + port + ": connection refused (is ./lyne serve running there?)");
    }

    @Test
    void connect_somethingListensAndNeverAnswers_givesUpInTime() throws Exception {
        ClientOptions options = Students.optionsBuilder()
                .openTimeout(Duration.ofMillis(300))
                .retryFor(Duration.ofSeconds(1))
                .build();
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            assertThatThrownBy(() -> TeacherClient.connect("127.0.0.1:" + socket.getLocalPort(), options))
                    .isInstanceOf(TeacherUnavailableException.class)
                    .hasMessageStartingWith("teacher 127.0.0.1:" + socket.getLocalPort() + ": no answer within 0.3 s");
        }
    }

    /** As gRPC says it of a web server's or an ssh server's port. */
    @Test
    void describe_aServerOfAnotherProtocol_saysSoInWords() {
        assertThat(CallFailure.of(Status.UNAVAILABLE
                                .withDescription("http2 exception")
                                .asRuntimeException())
                        .description())
                .isEqualTo("what listens there does not speak gRPC (is it another port of that server, or another"
                        + " program?)");
    }

    @Test
    void describe_gRpcsOwnDeadline_namesNoClass() {
        assertThat(CallFailure.of(Status.DEADLINE_EXCEEDED
                                .withDescription("CallOptions deadline exceeded after 4.9s. [closed=[]]")
                                .asRuntimeException())
                        .description())
                .isEqualTo("no answer in time");
    }

    @Test
    void open_anotherDigestExpected_failsNamingBothWithoutAsking() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(teacher.address(), Students.options())) {
            String expected = "ab".repeat(32);
            TargetRequest request = TargetRequest.topK(4, List.of(), new TeacherExpectation(expected, null, 0, null));

            assertThatThrownBy(() -> client.open(request))
                    .isInstanceOf(TeacherMismatchException.class)
                    .hasMessageContaining("model digest: 01" + "00".repeat(31))
                    .hasMessageContaining("(expected: " + expected + ")");
            assertThat(teacher.opened).isEmpty();
        }
    }

    /** An older server sends such rows as they come, and a capture would keep them. */
    @Test
    void open_rowsToKeepOfAnEngineWhoseServerHoldsNoneBack_areRefused() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(teacher.address(), Students.options())) {
            TargetRequest request = new TargetRequest(
                    Students.SELECTION, Precision.EXACT, false, TeacherExpectation.any(), false, true);
            teacher.knowsVouching = false;
            try (TargetStream stream = client.open(request)) { // a model in its process needs no vouching
                assertThat(stream.offer(Students.sequences(1, 4).get(0))).isTrue();
                assertThat(stream.take().rows()).isPositive();
            }
            teacher.tailError = 1e-6;
            assertThatThrownBy(() -> {
                        try (TargetStream stream = client.open(request)) {
                            stream.offer(Students.sequences(1, 4).get(0));
                            stream.take();
                        }
                    })
                    .isInstanceOf(TeacherMismatchException.class)
                    .hasMessageContaining("before they are vouched for (expected: a server that knows");
            teacher.knowsVouching = true;
            try (TargetStream stream = client.open(request)) {
                assertThat(stream.offer(Students.sequences(1, 4).get(0))).isTrue();
                assertThat(stream.take().rows()).isPositive();
            }
            assertThat(teacher.opened).allMatch(OpenStream::getVouchedOnly);
        }
    }

    @Test
    void open_serverRefusesTheDigests_isNeverRetried() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(teacher.address(), Students.options())) {
            teacher.refusal = Status.FAILED_PRECONDITION
                    .withDescription("model_sha256: 01 (expected by student: 02)")
                    .asRuntimeException();

            assertThatThrownBy(() -> client.open(Students.REQUEST))
                    .isInstanceOf(TeacherMismatchException.class)
                    .hasMessageContaining("model_sha256: 01 (expected by student: 02)");
            assertThat(teacher.opened).hasSize(1);
            assertThat(teacher.opened.get(0).getExpectedDigests().getModelSha256())
                    .isEqualTo(teacher.modelDigest);
        }
    }

    @Test
    void take_serverComesBackWithAnotherTeacher_failsForGood() throws Exception {
        FakeTeacher first = new FakeTeacher(1);
        first.answering = asked -> {};
        try (TeacherClient client = TeacherClient.connect(first.address(), Students.options());
                TargetStream stream = client.open(Students.REQUEST)) {
            assertThat(stream.offer(Students.sequences(1, 31).get(0))).isTrue();
            first.close();
            try (FakeTeacher other = new FakeTeacher(2, "127.0.0.1", first.port())) {
                assertThatThrownBy(stream::take)
                        .isInstanceOf(TeacherMismatchException.class)
                        .hasMessageContaining("02" + "00".repeat(31))
                        .hasMessageContaining("01" + "00".repeat(31));
                assertThat(other.opened)
                        .as("it is believed when it is heard for the third time")
                        .hasSize(3);
                assertThat(other.asked).isEmpty();
                assertThatThrownBy(() -> stream.offer(Students.sequences(1, 31).get(0)))
                        .isInstanceOf(TeacherMismatchException.class);
            }
        }
    }
}
