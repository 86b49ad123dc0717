package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Students that ask replicas for the sequences that belong to them. */
final class HashRoutingTest {
    private static final ClientOptions OPTIONS = Students.optionsBuilder()
            .window(64, 1_000_000)
            .routing(ReplicaRouting.HASH)
            .build();

    private static String both(FakeTeacher one, FakeTeacher two) {
        return String.join(",", one.address(), two.address());
    }

    private static Set<String> asked(FakeTeacher teacher) {
        Set<String> tokens = new HashSet<>();
        teacher.asked.forEach(asked -> tokens.add(Arrays.toString(asked.tokens())));
        return tokens;
    }

    private static void train(FakeTeacher one, FakeTeacher two, List<TargetSequence> sequences) throws Exception {
        int ofOne = one.opened.size();
        int ofTwo = two.opened.size();
        try (TeacherClient client = TeacherClient.connect(both(one, two), OPTIONS);
                TargetStream stream = client.open(Students.REQUEST)) {
            await().until(() -> one.opened.size() > ofOne && two.opened.size() > ofTwo);
            Students.assertExactly(Students.takeAll(stream, sequences), sequences, one.model);
            assertThat(stream.statistics().coverage()).isEqualTo(1.0);
        }
    }

    @Test
    void stream_twoStudentsOfTheSameSequences_askTheSameReplicasForThem() throws Exception {
        List<TargetSequence> sequences = Students.sequences(400, 31);
        try (FakeTeacher one = new FakeTeacher(1);
                FakeTeacher two = new FakeTeacher(1)) {
            one.answering = FakeTeacher.taking(Duration.ofMillis(1));
            two.answering = FakeTeacher.taking(Duration.ofMillis(1));
            train(one, two, sequences);
            Set<String> first = asked(one);
            assertThat(first.size()).as("both have their part").isBetween(100, 300);
            one.asked.clear();
            train(one, two, sequences);
            Set<String> again = asked(one);
            long same = again.stream().filter(first::contains).count();
            assertThat(same)
                    .as("of %d asked again; half by chance", again.size())
                    .isGreaterThan(again.size() * 3L / 4);
        }
    }

    @Test
    void stream_theReplicaThatSequencesBelongToGoes_theOtherAnswers() throws Exception {
        List<TargetSequence> sequences = Students.sequences(120, 32);
        try (FakeTeacher one = new FakeTeacher(1);
                FakeTeacher two = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(both(one, two), OPTIONS);
                TargetStream stream = client.open(Students.REQUEST)) {
            await().until(() -> !one.opened.isEmpty() && !two.opened.isEmpty());
            Students.assertExactly(Students.takeAll(stream, sequences), sequences, one.model);
            two.close();
            Students.assertExactly(Students.takeAll(stream, sequences), sequences, one.model);
            assertThat(stream.statistics().coverage()).isEqualTo(1.0);
        }
    }

    @Test
    void of_anotherName_isRefused() {
        assertThat(ReplicaRouting.of("hash")).isEqualTo(ReplicaRouting.HASH);
        assertThatThrownBy(() -> ReplicaRouting.of("random"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("routing: random (expected: rate, hash)");
    }
}
