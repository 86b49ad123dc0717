package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.ByteString;
import dev.lyne.teacher.admission.ServerLimits;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.SequenceFailed;
import dev.lyne.v1.TeacherDigests;
import io.grpc.Status;
import org.junit.jupiter.api.Test;

/**
 * Hostile openings: what a client wrote is shown cut and clean, a refusal is counted once, and what is too large is
 * refused alone.
 */
final class HostileOpeningsTest {
    private static String refusal(ServerFixture fixture, OpenStream open) {
        Status status = fixture.stream().open(open).halfClose().awaitEnd();
        assertThat(status.isOk()).isFalse();
        return String.valueOf(status.getDescription());
    }

    @Test
    void longNameWithControls_isShownCutAndClean() throws Exception {
        try (ServerFixture fixture = new ServerFixture()) {
            String line = refusal(
                    fixture,
                    TestStream.topK(4).toBuilder()
                            .setTeacher("evil\u001b[31m\n\u202e" + "x".repeat(100_000))
                            .build());
            assertThat(line).startsWith("teacher: evil?[31m??xxx").endsWith("x… (expected: one of [fake])");
            assertThat(line.length()).isLessThan(300);
        }
    }

    @Test
    void longDigest_isShownCut() throws Exception {
        try (ServerFixture fixture = new ServerFixture()) {
            String line = refusal(
                    fixture,
                    TestStream.topK(4).toBuilder()
                            .setExpectedDigests(
                                    TeacherDigests.newBuilder().setModelSha256(ByteString.copyFrom(new byte[1 << 20])))
                            .build());
            assertThat(line).startsWith("expected_digests.model_sha256: 0000").contains("0… (expected: the teacher's");
            assertThat(line.length()).isLessThan(400);
        }
    }

    @Test
    void refusedOpen_halfClosedAndFollowedByMore_countsOnce() throws Exception {
        try (ServerFixture fixture = new ServerFixture()) {
            TestStream stream = fixture.stream()
                    .open(TestStream.topK(4).toBuilder().setTeacher("other").build())
                    .score(1, 1, 2)
                    .halfClose();
            assertThat(stream.awaitEnd().getCode()).isEqualTo(Status.Code.NOT_FOUND);
            await().until(() -> fixture.gauge("lyne.teacher.streams") == 0);
            assertThat(fixture.refusals("teacher_not_found")).isEqualTo(1);
            assertThat(fixture.refusals("protocol_violation")).isZero();
        }
    }

    @Test
    void entriesBeyond31Bits_arePrintedUnsigned() throws Exception {
        try (ServerFixture fixture = new ServerFixture()) {
            assertThat(refusal(fixture, TestStream.topK(-1))).contains("top_k.k: 4294967295 (expected: ");
        }
    }

    @Test
    void sequenceWithTooManyEntries_failsAlone() throws Exception {
        ServerLimits limits =
                new ServerLimits(16, 1 << 16, 16 << 20, 1 << 16, 4, 1 << 20, 1 << 20, 1_000, 64 << 20, 64, 64);
        try (ServerFixture fixture =
                new ServerFixture(new FakeTeacher("fake", 1_000, 1_024), options -> options.limits(limits))) {
            TestStream stream = fixture.stream().open(100);
            stream.score(1, new int[12]);
            stream.score(2, new int[11]);
            SequenceFailed failed = stream.awaitFailed(1);
            assertThat(failed.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT.value());
            assertThat(failed.getStatus().getMessage())
                    .isEqualTo(
                            "entries of the rows: 1100 at 11 positions (expected: at most 1000; ask for fewer positions"
                                    + " or entries)");
            stream.awaitDone(2);
        }
    }
}
