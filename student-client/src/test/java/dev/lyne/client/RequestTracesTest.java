package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.Span;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Nobody who does not ask for traces pays for them: nothing is recorded, and nothing of them is on the wire. */
final class RequestTracesTest {
    @Test
    void withoutTelemetry_noSpanIsMade() {
        RequestTraces traces = new RequestTraces(OpenTelemetry.noop(), "student");
        Span sequence = traces.sequence(Students.sequence(1, new SplittableRandom(1)));
        assertThat(sequence).isSameAs(Span.getInvalid());
        assertThat(traces.ask(sequence, "a:1")).isSameAs(Span.getInvalid());
        assertThat(traces.call("method", "a:1")).isSameAs(Span.getInvalid());
        assertThat(RequestTraces.headers(Span.getInvalid()).keys()).isEmpty();
    }

    @Test
    void withoutTelemetry_sequencesNameNoSpan() throws Exception {
        List<TargetSequence> sequences = Students.sequences(5, 71);
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(teacher.address(), Students.options());
                TargetStream stream = client.open(Students.REQUEST)) {
            Students.assertExactly(Students.takeAll(stream, sequences), sequences, teacher.model);
            assertThat(teacher.asked)
                    .hasSize(5)
                    .allMatch(asked -> asked.sequence.getTraceparent().isEmpty());
        }
    }
}
