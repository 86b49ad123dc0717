package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Progress is what counts, not connection: replicas that answer HTTP/2 and nothing else, or slowly, beside healthy ones and alone. */
@Timeout(60)
final class StuckReplicaTest {
    private final List<String> lines = Collections.synchronizedList(new ArrayList<>());

    private ClientOptions.Builder options() {
        return Students.optionsBuilder().stuckFor(Duration.ofMillis(400)).listener(lines::add);
    }

    @Test
    void take_oneReplicasDeviceStandsStill_othersGetItsSequencesAndItComesBack() throws Exception {
        try (FakeTeacher busy = new FakeTeacher(1);
                FakeTeacher wedged = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(
                        wedged.address() + "," + busy.address(), options().build());
                TargetStream stream = client.open(Students.REQUEST)) {
            List<FakeTeacher.Asked> held = Collections.synchronizedList(new ArrayList<>());
            busy.answering = held::add;
            List<FakeTeacher.Asked> left = Collections.synchronizedList(new ArrayList<>());
            wedged.answering = left::add;
            await().until(() -> !busy.opened.isEmpty() && !wedged.opened.isEmpty());
            List<TargetSequence> sequences = Students.sequences(4, 51);
            sequences.forEach(stream::offer);
            AtomicLong counter = new AtomicLong();
            await().pollInterval(Duration.ofMillis(50)).until(() -> {
                busy.progress(counter.incrementAndGet());
                wedged.progress(7);
                return held.size() == 4;
            });
            assertThat(lines)
                    .containsExactly("teacher " + wedged.address()
                            + ": its device has stood still for 0 s with 2 sequences in flight; they go to others");
            assertThat(wedged.cancelledSequences)
                    .as("one stays behind, so that the server goes on telling")
                    .hasValue(1);

            wedged.progress(8);
            await().until(() -> lines.contains("teacher " + wedged.address() + ": its device goes on"));
            wedged.answering = asked -> asked.answer(100);
            left.forEach(asked -> asked.answer(100));
            held.forEach(asked -> asked.answer(100));
            Students.assertExactly(
                    List.of(stream.take(), stream.take(), stream.take(), stream.take()), sequences, busy.model);
            assertThat(stream.statistics().coverage()).isEqualTo(1.0);

            busy.answering = asked -> asked.answer(100);
            int before = wedged.asked.size();
            List<TargetSequence> more = Students.sequences(40, 53);
            Students.assertExactly(Students.takeAll(stream, more), more, busy.model);
            assertThat(wedged.asked.size()).isGreaterThan(before);
        }
    }

    @Test
    void take_busyReplicaWithoutRows_keepsItsSequences() throws Exception {
        try (FakeTeacher busy = new FakeTeacher(1);
                FakeTeacher other = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(
                        busy.address() + "," + other.address(),
                        options().stuckFor(Duration.ofSeconds(2)).build());
                TargetStream stream = client.open(Students.REQUEST)) {
            List<FakeTeacher.Asked> held = Collections.synchronizedList(new ArrayList<>());
            busy.answering = held::add;
            other.answering = held::add;
            await().until(() -> !busy.opened.isEmpty() && !other.opened.isEmpty());
            List<TargetSequence> sequences = Students.sequences(4, 54);
            sequences.forEach(stream::offer);
            await().until(() -> held.size() == 4);
            AtomicLong counter = new AtomicLong();
            long start = System.nanoTime();
            await().pollInterval(Duration.ofMillis(50)).until(() -> {
                busy.progress(counter.incrementAndGet());
                other.progress(counter.get());
                return System.nanoTime() - start > Duration.ofMillis(3500).toNanos();
            });
            assertThat(held).hasSize(4);
            busy.answering = asked -> asked.answer(100); // a late one may be asked of the other once that has answered
            other.answering = asked -> asked.answer(100);
            held.forEach(asked -> asked.answer(100));
            Students.assertExactly(
                    List.of(stream.take(), stream.take(), stream.take(), stream.take()), sequences, busy.model);
            assertThat(lines).noneMatch(line -> line.contains("stood still"));
        }
    }

    @Test
    void take_loneReplicaStandsStill_keepsItsSequencesAndSaysSo() throws Exception {
        try (FakeTeacher lone = new FakeTeacher(1);
                TeacherClient client =
                        TeacherClient.connect(lone.address(), options().build());
                TargetStream stream = client.open(Students.REQUEST)) {
            List<FakeTeacher.Asked> held = Collections.synchronizedList(new ArrayList<>());
            lone.answering = held::add;
            List<TargetSequence> sequences = Students.sequences(3, 55);
            sequences.forEach(stream::offer);
            await().until(
                            () -> lines.contains(
                                    "teacher " + lone.address()
                                            + ": its device has stood still for 0 s with 3 sequences in flight; there is no other replica to give them to"));
            assertThat(stream.await(Duration.ofMillis(600))).isFalse();
            assertThat(lines)
                    .anyMatch(line -> line.startsWith("waiting for the teacher for ")
                            && line.contains("(for 20 s at most): teacher " + lone.address() + ": stuck"));
            assertThat(held).hasSize(3);
            held.forEach(asked -> asked.answer(100));
            Students.assertExactly(List.of(stream.take(), stream.take(), stream.take()), sequences, lone.model);
            assertThat(lines).contains("rows come again");
        }
    }

    /** The same work, with and without a replica that takes twenty times as long: the head of the queue never waits for it. */
    @Test
    void take_besideAReplicaTwentyTimesSlower_theHealthyOneDoesNearlyAll() throws Exception {
        List<TargetSequence> sequences = Students.sequences(300, 56);
        try (FakeTeacher healthy = new FakeTeacher(1);
                FakeTeacher slow = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(
                        slow.address() + "," + healthy.address(), options().build());
                TargetStream stream = client.open(Students.REQUEST)) {
            healthy.answering = FakeTeacher.taking(Duration.ofMillis(5));
            slow.answering = FakeTeacher.taking(Duration.ofMillis(100));
            await().until(() -> !healthy.opened.isEmpty() && !slow.opened.isEmpty());
            Students.assertExactly(Students.takeAll(stream, sequences), sequences, healthy.model);
            assertThat(healthy.asked.size()).isGreaterThan(270);
            assertThat(slow.asked.size()).isLessThan(40);
        }
    }

    /** A first answer takes a hundred times as long as each of the others: what it says of the pace is soon tested. */
    @Test
    void take_besideAReplicaThatWasCold_itGetsItsShareSoonAfterItsFirstAnswer() throws Exception {
        List<TargetSequence> sequences = Students.sequences(1000, 62);
        try (FakeTeacher warm = new FakeTeacher(1);
                FakeTeacher cold = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(
                        cold.address() + "," + warm.address(),
                        options().stuckFor(Duration.ofSeconds(20)).build());
                TargetStream stream = client.open(Students.REQUEST)) {
            warm.answering = FakeTeacher.taking(Duration.ofMillis(5));
            AtomicInteger answered = new AtomicInteger();
            cold.answering = FakeTeacher.taking(() -> Duration.ofMillis(answered.getAndIncrement() == 0 ? 500 : 5));
            await().until(() -> !warm.opened.isEmpty() && !cold.opened.isEmpty());
            Students.assertExactly(Students.takeAll(stream, sequences), sequences, warm.model);
            assertThat(cold.asked.size()).isGreaterThan(100);
        }
    }

    @Test
    void take_besideAReplicaThatNearlyStands_theHealthyOneDoesAll() throws Exception {
        List<TargetSequence> sequences = Students.sequences(200, 57);
        try (FakeTeacher healthy = new FakeTeacher(1);
                FakeTeacher slow = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(
                        slow.address() + "," + healthy.address(),
                        options().stuckFor(Duration.ofSeconds(20)).build());
                TargetStream stream = client.open(Students.REQUEST)) {
            healthy.answering = FakeTeacher.taking(Duration.ofMillis(2));
            slow.answering = FakeTeacher.taking(Duration.ofMinutes(1));
            await().until(() -> !healthy.opened.isEmpty() && !slow.opened.isEmpty());
            Students.assertExactly(Students.takeAll(stream, sequences), sequences, healthy.model);
            assertThat(slow.asked.size()).isLessThan(20);
        }
    }

    @Test
    void connect_firstAddressHangs_theSecondIsAskedBesideIt() throws Exception {
        try (ServerSocket hung = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                FakeTeacher healthy = new FakeTeacher(1)) {
            ClientOptions options = options().openTimeout(Duration.ofMinutes(1)).build();
            try (TeacherClient client = TeacherClient.connect(
                            "127.0.0.1:" + hung.getLocalPort() + "," + healthy.address(), options);
                    TargetStream stream = client.open(Students.REQUEST)) {
                List<TargetSequence> sequences = Students.sequences(30, 58);
                Students.assertExactly(Students.takeAll(stream, sequences), sequences, healthy.model);
            }
        }
    }

    /** The clock jumps as it does for a process that was stopped. */
    @Test
    void take_processSleptLongerThanItsTimeout_goesOnWaiting() throws Exception {
        AtomicLong skipped = new AtomicLong();
        ClientOptions options = Students.optionsBuilder()
                .retryFor(Duration.ofSeconds(20))
                .listener(lines::add)
                .build();
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = new TeacherClient(
                        teacher.address(),
                        options,
                        () -> System.nanoTime() + skipped.get(),
                        InetAddress::getAllByName);
                TargetStream stream = client.open(Students.REQUEST)) {
            List<FakeTeacher.Asked> held = Collections.synchronizedList(new ArrayList<>());
            teacher.answering = held::add;
            List<TargetSequence> sequences = Students.sequences(1, 59);
            sequences.forEach(stream::offer);
            CompletableFuture<List<Targets>> taken = CompletableFuture.supplyAsync(() -> {
                try {
                    return List.of(stream.take());
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
            await().until(() -> held.size() == 1);
            skipped.addAndGet(Duration.ofSeconds(130).toNanos());
            await().until(() -> lines.stream().anyMatch(line -> line.startsWith("this process did not run for 1")));
            held.get(0).answer(100);
            Students.assertExactly(taken.get(), sequences, teacher.model);
        }
    }

    @Test
    void open_replicasOfOtherBits_isRefusedWhereBitsCount() throws Exception {
        try (FakeTeacher one = new FakeTeacher(1);
                FakeTeacher other = new FakeTeacher(1)) {
            other.device = "another fake";
            TargetRequest request = new TargetRequest(
                    Students.SELECTION, dev.lyne.row.Precision.EXACT, false, TeacherExpectation.any(), true);
            String addresses = one.address() + "," + other.address();
            List<TargetSequence> sequences = Students.sequences(40, 60);
            try (TeacherClient client =
                    TeacherClient.connect(addresses, options().build())) {
                assertThatThrownBy(() -> {
                            try (TargetStream stream = client.open(request)) {
                                Students.takeAll(stream, Students.sequences(100_000, 60));
                            }
                        })
                        .isInstanceOf(TeacherMismatchException.class)
                        .hasMessageContaining("torch none, a fake, arithmetic 1, 1 thread, float32")
                        .hasMessageContaining("torch none, another fake, arithmetic 1, 1 thread, float32")
                        .hasMessageContaining("--deterministic false takes rows of both");
            }
            try (TeacherClient client =
                            TeacherClient.connect(addresses, options().build());
                    TargetStream stream = client.open(Students.REQUEST)) {
                Students.assertExactly(Students.takeAll(stream, sequences), sequences, one.model);
            }
        }
    }

    /** After a failover the same holds: the replica that comes back is another machine. */
    @Test
    void take_replicaComesBackWithOtherBits_isRefused() throws Exception {
        FakeTeacher first = new FakeTeacher(1);
        TargetRequest request = new TargetRequest(
                Students.SELECTION, dev.lyne.row.Precision.EXACT, false, TeacherExpectation.any(), true);
        try (TeacherClient client =
                        TeacherClient.connect(first.address(), options().build());
                TargetStream stream = client.open(request)) {
            first.answering = asked -> {};
            stream.offer(Students.sequences(1, 61).get(0));
            first.close();
            try (FakeTeacher second = new FakeTeacher(1, "127.0.0.1", first.port())) {
                second.device = "another fake";
                assertThatThrownBy(() -> {
                            while (true) {
                                stream.take();
                            }
                        })
                        .isInstanceOf(TeacherMismatchException.class)
                        .hasMessageContaining("execution fingerprint: ");
            }
        }
    }

    /** Equal machines are not enough: one of two servers may have been started without {@code --deterministic}. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void take_replicaComesBackWithoutDeterminism_isRefusedWhereBitsCount(boolean asCapture) throws Exception {
        FakeTeacher first = new FakeTeacher(1);
        first.deterministic = true;
        try (TeacherClient client =
                TeacherClient.connect(first.address(), options().build())) {
            TeacherExpectation same = new TeacherExpectation(
                    null, null, 0, asCapture ? client.describe().fingerprint() : null);
            TargetRequest request =
                    new TargetRequest(Students.SELECTION, dev.lyne.row.Precision.EXACT, false, same, !asCapture);
            try (TargetStream stream = client.open(request)) {
                first.answering = asked -> {};
                stream.offer(Students.sequences(1, 61).get(0));
                first.close();
                try (FakeTeacher second = new FakeTeacher(1, "127.0.0.1", first.port())) {
                    assertThatThrownBy(() -> {
                                while (true) {
                                    stream.take();
                                }
                            })
                            .isInstanceOf(TeacherMismatchException.class)
                            .hasMessageContaining("deterministic: false (expected: true");
                    assertThat(second.asked).isEmpty();
                }
            }
        }
    }
}
