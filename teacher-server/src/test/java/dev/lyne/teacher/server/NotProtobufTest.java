package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.rpc.ErrorInfo;
import com.sun.management.UnixOperatingSystemMXBean;
import dev.lyne.v1.GetTeacherRequest;
import dev.lyne.v1.ScoreSequencesRequest;
import dev.lyne.v1.TeacherServiceGrpc;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Bytes that are no message end their call with a reason, and leave nothing behind. */
final class NotProtobufTest {
    private static final byte[] NO_MESSAGE = {(byte) 0xff};
    private static final int STREAMS = 1_000;

    private record Bytes() implements MethodDescriptor.Marshaller<byte[]> {
        @Override
        public InputStream stream(byte[] value) {
            return new ByteArrayInputStream(value);
        }

        @Override
        public byte[] parse(InputStream stream) {
            try {
                return stream.readAllBytes();
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private record End(Status status, Metadata trailers) {}

    /** Sends messages as bytes, and gives the end of the call. */
    private static CompletableFuture<End> send(
            ManagedChannel channel, MethodDescriptor<?, ?> method, List<byte[]> messages) {
        ClientCall<byte[], byte[]> call = channel.newCall(
                MethodDescriptor.<byte[], byte[]>newBuilder()
                        .setFullMethodName(method.getFullMethodName())
                        .setType(method.getType())
                        .setRequestMarshaller(new Bytes())
                        .setResponseMarshaller(new Bytes())
                        .build(),
                CallOptions.DEFAULT);
        CompletableFuture<End> end = new CompletableFuture<>();
        call.start(
                new ClientCall.Listener<>() {
                    @Override
                    public void onClose(Status status, Metadata trailers) {
                        end.complete(new End(status, trailers));
                    }
                },
                new Metadata());
        call.request(100);
        messages.forEach(call::sendMessage);
        if (method.getType() == MethodDescriptor.MethodType.UNARY) {
            call.halfClose();
        }
        return end;
    }

    private static void assertMalformed(End end) throws Exception {
        assertRefused(end, "MALFORMED_MESSAGE");
    }

    private static void assertRefused(End end, String reason) throws Exception {
        com.google.rpc.Status status = StatusProto.fromStatusAndTrailers(end.status(), end.trailers());
        assertThat(end.status().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(status.getMessage()).startsWith("message: ").contains("(expected: ");
        assertThat(status.getDetails(0).unpack(ErrorInfo.class).getReason()).isEqualTo(reason);
    }

    private static byte[] opening() {
        return ScoreSequencesRequest.newBuilder()
                .setOpen(TestStream.topK(8))
                .build()
                .toByteArray();
    }

    private static List<byte[]> openScoreAndJunk(int number) {
        ScoreSequencesRequest sequence = ScoreSequencesRequest.newBuilder()
                .setSequence(TestStream.sequence(1, number % 1_000, 2, 3, number / 1_000))
                .build();
        return List.of(opening(), sequence.toByteArray(), NO_MESSAGE);
    }

    private static long descriptors() {
        return ((UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getOpenFileDescriptorCount();
    }

    @Test
    void junkOnAThousandStreams_leavesNothingBehind() throws Exception {
        try (ServerFixture fixture = new ServerFixture();
                CapturedLog log = new CapturedLog()) {
            ManagedChannel channel = fixture.channel();
            assertMalformed(send(channel, TeacherServiceGrpc.getScoreSequencesMethod(), openScoreAndJunk(0))
                    .get());
            long before = descriptors();
            List<CompletableFuture<End>> ends = IntStream.range(1, STREAMS)
                    .mapToObj(number ->
                            send(channel, TeacherServiceGrpc.getScoreSequencesMethod(), openScoreAndJunk(number)))
                    .toList();
            for (CompletableFuture<End> end : ends) {
                assertMalformed(end.get());
            }

            await().untilAsserted(() -> {
                assertThat(fixture.gauge("lyne.teacher.streams")).isZero();
                assertThat(fixture.gauge("lyne.teacher.sequences.in.flight")).isZero();
                assertThat(fixture.gauge("lyne.teacher.unsent.bytes")).isZero();
                assertThat(fixture.gauge("lyne.teacher.unsent.room.bytes")).isZero();
                assertThat(fixture.gauge("lyne.teacher.admitted.tokens")).isZero();
                assertThat(descriptors()).isLessThanOrEqualTo(before);
            });
            assertThat(fixture.refusals("malformed_message")).isEqualTo(STREAMS);
            assertThat(log.lines().stream().filter(line -> line.startsWith("refused a message from")))
                    .as("one line a second at most")
                    .hasSizeLessThan(STREAMS / 10);
        }
    }

    @Test
    void junkOfAReaderThatStalls_isReleasedAtOnce() throws Exception {
        try (ServerFixture fixture = new ServerFixture()) {
            TestStream stalled = TestStream.stalled(fixture.channel()).open(64);
            for (int id = 0; id < 20; id++) {
                int[] tokens = new int[1_024];
                tokens[0] = id;
                stalled.score(id, tokens);
            }
            await().until(() -> fixture.gauge("lyne.teacher.unsent.bytes") > 1 << 20);
            stalled.sendJunk();
            await().until(() -> fixture.gauge("lyne.teacher.streams") == 0);
            assertThat(fixture.gauge("lyne.teacher.unsent.bytes")).isZero();
            assertThat(fixture.gauge("lyne.teacher.unsent.room.bytes")).isZero();
        }
    }

    @Test
    void junkInAUnaryCall_endsItWithAReason() throws Exception {
        try (ServerFixture fixture = new ServerFixture()) {
            assertMalformed(send(fixture.channel(), TeacherServiceGrpc.getGetTeacherMethod(), List.of(NO_MESSAGE))
                    .get());
            End fine = send(
                            fixture.channel(),
                            TeacherServiceGrpc.getGetTeacherMethod(),
                            List.of(GetTeacherRequest.getDefaultInstance().toByteArray()))
                    .get();
            assertThat(fine.status().isOk()).isTrue();
        }
    }

    @Test
    void messageBeyondTheLimit_endsItsStreamAndLeavesNothingBehind() throws Exception {
        try (ServerFixture fixture = new ServerFixture()) {
            End end = send(
                            fixture.channel(),
                            TeacherServiceGrpc.getScoreSequencesMethod(),
                            List.of(opening(), new byte[5 << 20]))
                    .get();
            assertRefused(end, "MESSAGE_TOO_LARGE");
            await().until(() -> fixture.gauge("lyne.teacher.streams") == 0);
        }
    }
}
