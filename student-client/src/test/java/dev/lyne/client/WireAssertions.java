package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Findings that a student has to make of a wire that changes messages. */
public final class WireAssertions {
    private WireAssertions() {}

    /** The sequence's rows are refused, with a position, {@code what}, and the expectation. Closes the client. */
    public static void assertCaught(
            TeacherClient connected, TargetRequest request, TargetSequence sequence, String what)
            throws InterruptedException {
        try (TeacherClient client = connected;
                TargetStream stream = client.open(request)) {
            stream.offer(sequence);
            assertThatThrownBy(stream::take)
                    .isInstanceOf(MisalignedTargetsException.class)
                    .hasMessageStartingWith("sequence " + sequence.id() + ", position ")
                    .hasMessageContaining(what)
                    .hasMessageContaining(" (expected: ");
            assertThat(stream.statistics().received().sequences()).isZero();
            assertThat(stream.statistics().failedSequences()).isEqualTo(1);
        }
    }

    /** Each sequence's rows are refused for being another's. Closes the client. */
    public static void assertBothCaught(
            TeacherClient connected, TargetRequest request, TargetSequence first, TargetSequence second)
            throws InterruptedException {
        try (TeacherClient client = connected;
                TargetStream stream = client.open(request)) {
            stream.offer(first);
            stream.offer(second);
            for (TargetSequence sequence : new TargetSequence[] {first, second}) {
                assertThatThrownBy(stream::take)
                        .isInstanceOf(MisalignedTargetsException.class)
                        .hasMessageStartingWith("sequence " + sequence.id() + ", position 0: rows digest ");
            }
        }
    }
}
