package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class ReplicaFailoverTest {
    @Test
    void take_oneOfTwoReplicasDies_theOtherTakesOver() throws Exception {
        List<TargetSequence> sequences = Students.sequences(120, 21);
        try (FakeTeacher healthy = new FakeTeacher(1);
                FakeTeacher dying = new FakeTeacher(1)) {
            CountDownLatch holding = new CountDownLatch(2);
            dying.answering = asked -> {
                asked.rows(0, 1);
                holding.countDown();
            };
            try (TeacherClient client =
                            TeacherClient.connect(healthy.address() + "," + dying.address(), Students.options());
                    TargetStream stream = client.open(Students.REQUEST)) {
                await().until(() -> !dying.opened.isEmpty() && !healthy.opened.isEmpty());
                CompletableFuture<List<Targets>> student =
                        TeacherKilledMidStreamTest.takeAllInBackground(stream, sequences);
                holding.await();
                dying.close();

                Students.assertExactly(student.get(), sequences, healthy.model);
                assertThat(stream.statistics().coverage()).isEqualTo(1.0);
                assertThat(stream.statistics().reasked().sequences()).isGreaterThanOrEqualTo(2);
            }
        }
    }

    @Test
    void stream_twoReplicas_sharesSequencesAmongThem() throws Exception {
        List<TargetSequence> sequences = Students.sequences(100, 22);
        try (FakeTeacher one = new FakeTeacher(1);
                FakeTeacher two = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(one.address() + "," + two.address(), Students.options());
                TargetStream stream = client.open(Students.REQUEST)) {
            one.answering = FakeTeacher.taking(Duration.ofMillis(20));
            two.answering = FakeTeacher.taking(Duration.ofMillis(20));
            await().until(() -> !one.opened.isEmpty() && !two.opened.isEmpty());
            Students.assertExactly(Students.takeAll(stream, sequences), sequences, one.model);
            assertThat(one.asked.size()).isBetween(10, 90);
            assertThat(two.asked.size()).isBetween(10, 90);
        }
    }

    @Test
    void stream_replicaAcceptsAndStaysSilent_anotherTakesOverAfterTheTimeout() throws Exception {
        List<TargetSequence> sequences = Students.sequences(30, 23);
        try (FakeTeacher healthy = new FakeTeacher(1);
                FakeTeacher silent = new FakeTeacher(1)) {
            silent.answering = asked -> {};
            ClientOptions options = Students.optionsBuilder()
                    .sequenceTimeout(Duration.ofMillis(200))
                    .build();
            try (TeacherClient client = TeacherClient.connect(healthy.address() + "," + silent.address(), options);
                    TargetStream stream = client.open(Students.REQUEST)) {
                await().until(() -> !healthy.opened.isEmpty() && !silent.opened.isEmpty());

                Students.assertExactly(Students.takeAll(stream, sequences), sequences, healthy.model);
                assertThat(silent.asked).isNotEmpty();
                assertThat(stream.statistics().coverage()).isEqualTo(1.0);
            }
        }
    }

    @Test
    void connect_nameWithTwoAddresses_usesBothAndFollowsAChange() throws Exception {
        try (FakeTeacher one = new FakeTeacher(1);
                FakeTeacher two = new FakeTeacher(1, "127.0.0.2", one.port())) {
            InetAddress[] both = {InetAddress.getByName("127.0.0.1"), InetAddress.getByName("127.0.0.2")};
            InetAddress[] moved = {InetAddress.getByName("127.0.0.3")};
            AtomicInteger down = new AtomicInteger();
            try (TeacherClient client = new TeacherClient(
                            "dns:///teachers:" + one.port(),
                            Students.optionsBuilder()
                                    .security(TeacherSecurity.INSECURE)
                                    .build(),
                            System::nanoTime,
                            name -> down.get() == 0 ? both : moved);
                    TargetStream stream = client.open(Students.REQUEST)) {
                await().until(() -> one.opened.size() == 1 && two.opened.size() == 1);
                List<TargetSequence> sequences = Students.sequences(20, 24);
                Students.assertExactly(Students.takeAll(stream, sequences), sequences, one.model);

                try (FakeTeacher three = new FakeTeacher(1, "127.0.0.3", one.port())) {
                    down.set(1);
                    one.close();
                    two.close();
                    Students.assertExactly(Students.takeAll(stream, sequences), sequences, three.model);
                    assertThat(three.asked).isNotEmpty();
                }
            }
        }
    }

    @Test
    void open_replicasHoldDifferentTeachers_failsNamingBoth() throws Exception {
        try (FakeTeacher one = new FakeTeacher(1);
                FakeTeacher other = new FakeTeacher(2);
                TeacherClient client =
                        TeacherClient.connect(one.address() + "," + other.address(), Students.options())) {
            assertThatThrownBy(() -> {
                        try (TargetStream stream = client.open(Students.REQUEST)) {
                            Students.takeAll(stream, Students.sequences(100_000, 25));
                        }
                    })
                    .isInstanceOf(TeacherMismatchException.class)
                    .satisfies(failure -> assertThat(failure.getMessage())
                            .as("whichever was described first")
                            .isIn(mismatch(other, "02", "01"), mismatch(one, "01", "02")));
        }
    }

    private static String mismatch(FakeTeacher found, String digest, String expected) {
        return "teacher " + found.address() + ": model digest: " + digest + "00".repeat(31) + " (expected: " + expected
                + "00".repeat(31) + ")";
    }
}
