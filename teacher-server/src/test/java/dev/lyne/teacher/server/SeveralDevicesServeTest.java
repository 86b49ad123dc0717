package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.ByteString;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.teacher.batch.BatchOptions;
import dev.lyne.teacher.model.DeviceCopies;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.model.LanguageModelTeacher;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.model.TinyModelDirectory;
import dev.lyne.v1.Rows;
import io.grpc.ManagedChannel;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.NettyChannelBuilder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model on two devices of a server, with real forwards of two copies at a time. */
final class SeveralDevicesServeTest {
    private static final int SEQUENCES = 60;

    @TempDir
    private Path directory;

    private LocalModel load(List<String> devices, ModelOptions options, boolean deterministic) {
        return DeviceCopies.load(
                devices, device -> LanguageModelTeacher.load("tiny", directory, options, deterministic));
    }

    /** The bytes of each sequence's rows, asked for all at once. */
    private List<List<ByteString>> rows(List<String> devices) throws Exception {
        TeacherServer server = TeacherServer.start(
                List.of(load(devices, TinyModelDirectory.OPTIONS, true)),
                TeacherServerOptions.builder()
                        .batching(BatchOptions.of(256, Duration.ofMillis(1)))
                        .build());
        ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port())
                .usePlaintext()
                .build();
        List<List<ByteString>> rows = new ArrayList<>();
        try {
            TestStream stream = TestStream.reading(channel)
                    .open(TestStream.opening(new Selection.TopK(20, List.of()), Precision.EXACT)
                            .build());
            Random random = new Random(3);
            for (int id = 1; id <= SEQUENCES; id++) {
                stream.score(id, random.ints(100, 0, 257).toArray());
            }
            for (int id = 1; id <= SEQUENCES; id++) {
                rows.add(stream.awaitNext(id).rows(id).stream()
                        .map(Rows::getBlock)
                        .toList());
            }
            assertThat(stream.done()).isEqualTo(SEQUENCES);
            for (String device : devices.size() == 1 ? List.of("cpu") : List.of("cpu", "cpu/2")) {
                assertThat(server.registry()
                                .get("lyne.teacher.device.positions")
                                .tags("teacher", "tiny", "device", device)
                                .counter()
                                .count())
                        .as(device)
                        .isPositive();
            }
            assertThat(server.registry()
                            .get("lyne.teacher.positions.scored")
                            .counter()
                            .count())
                    .as("each row once")
                    .isEqualTo(SEQUENCES * 99.0);
        } finally {
            channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
            server.close();
        }
        return rows;
    }

    @Test
    void deterministicRows_ofTwoDevices_areTheBytesOfOne() throws Exception {
        TinyModelDirectory.write(directory, TinyModelDirectory.PADDED_VOCABULARY);
        assertThat(rows(List.of("cpu", "cpu"))).isEqualTo(rows(List.of("cpu")));
    }

    /**
     * A device of two that does not come back: nobody is to be sent there, until it does; a drain waits for it as for
     * the other.
     */
    @Test
    void oneDeviceThatIsStuck_isSaidByHealth_andADrainWaitsForBoth() throws Exception {
        FakeTeacher stuck = new FakeTeacher("fake", 1_000, 1_024);
        FakeTeacher other = new FakeTeacher("fake", 1_000, 1_024);
        stuck.hold();
        List<LocalModel> left = new ArrayList<>(List.of(stuck, other));
        TeacherServer server = TeacherServer.start(
                List.of(DeviceCopies.load(List.of("cpu", "cpu"), device -> left.remove(0))),
                TeacherServerOptions.builder()
                        .stuckDevice(Duration.ofMillis(1))
                        .batching(new BatchOptions(3, Duration.ZERO, 0.1, 1))
                        .build());
        ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port())
                .usePlaintext()
                .build();
        HealthGrpc.HealthBlockingStub health = HealthGrpc.newBlockingStub(channel);
        AtomicInteger asked = new AtomicInteger();
        try (server) {
            TestStream stream = TestStream.reading(channel).open(4);
            await().until(() -> {
                int id = asked.incrementAndGet();
                stream.score(id, id, 2, 3);
                return stuck.batches().size() == 1; // whichever takes it, until the stuck one has one
            });
            await().until(() -> status(health) == ServingStatus.NOT_SERVING);
            stuck.allowAll();
            await().until(() -> status(health) == ServingStatus.SERVING);
            await().until(() -> stream.done() == asked.get());
        } finally {
            channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
        }
        assertThat(stuck.sequencesScored() + other.sequencesScored()).isEqualTo(asked.get());
        assertThat(stuck.closed() && other.closed()).isTrue();
    }

    private static ServingStatus status(HealthGrpc.HealthBlockingStub health) {
        return health.check(HealthCheckRequest.getDefaultInstance()).getStatus();
    }

    @Test
    void devicesOfOtherExecutionFingerprints_areRefusedWithBoth() throws Exception {
        TinyModelDirectory.write(directory, TinyModelDirectory.PADDED_VOCABULARY);
        List<ModelOptions> left = new ArrayList<>(List.of(
                new ModelOptions("cpu", ComputePrecision.FLOAT32, 1),
                new ModelOptions("cpu", ComputePrecision.FLOAT32, 2)));
        assertThatThrownBy(() -> DeviceCopies.load(
                        List.of("cpu", "cpu"),
                        device -> LanguageModelTeacher.load("tiny", directory, left.remove(0), true)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("1 thread")
                .hasMessageContaining("2 threads")
                .hasMessageContaining("devices of one kind and precision");
    }
}
