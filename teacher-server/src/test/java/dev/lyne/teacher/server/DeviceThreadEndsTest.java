package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.v1.SequenceFailed;
import io.grpc.Status;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.NettyChannelBuilder;
import java.util.AbstractList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** An Error of a forward fails its batch; one on the device thread itself ends the service, and says so at once. */
final class DeviceThreadEndsTest {
    private static final class OutcomesThatThrow extends AbstractList<ScoreOutcome> {
        private final int size;

        OutcomesThatThrow(int size) {
            this.size = size;
        }

        @Override
        public ScoreOutcome get(int index) {
            throw new StackOverflowError("no outcome");
        }

        @Override
        public int size() {
            return size;
        }
    }

    private interface Check {
        void with(TeacherServer server, TestStream stream, HealthGrpc.HealthBlockingStub health) throws Exception;
    }

    private static void serve(LocalModel teacher, Check test) throws Exception {
        TeacherServer server = TeacherServer.start(
                List.of(teacher), TeacherServerOptions.builder().build());
        var channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port())
                .usePlaintext()
                .build();
        try (server) {
            test.with(server, TestStream.reading(channel).open(4), HealthGrpc.newBlockingStub(channel));
        } finally {
            channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
        }
    }

    private static ServingStatus status(HealthGrpc.HealthBlockingStub health) {
        return health.check(HealthCheckRequest.getDefaultInstance()).getStatus();
    }

    @Test
    void errorOfAForward_failsItsBatchAlone() throws Exception {
        AtomicBoolean broken = new AtomicBoolean(true);
        LocalModel teacher = new FaultyTeacher(new FakeTeacher("fake", 500, 64), (items, score) -> {
            if (broken.get()) {
                throw new StackOverflowError("too deep");
            }
            return score.of(items);
        });
        serve(teacher, (server, stream, health) -> {
            SequenceFailed failed = stream.score(1, 1, 2, 3).awaitFailed(1);
            assertThat(failed.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL.value());
            assertThat(failed.getStatus().getMessage()).isEqualTo("the model failed: too deep");
            broken.set(false);
            stream.score(2, 1, 2, 3).awaitDone(2);
            assertThat(status(health)).isEqualTo(ServingStatus.SERVING);
        });
    }

    /** One forward finds no direct memory for its tensors, and the next one does. */
    @Test
    void refusedDirectMemory_failsItsBatchAlone() throws Exception {
        AtomicBoolean refused = new AtomicBoolean(true);
        LocalModel teacher = new FaultyTeacher(new FakeTeacher("fake", 500, 64), (items, score) -> {
            if (refused.get()) {
                throw new OutOfMemoryError("Cannot reserve 64 bytes of direct buffer memory");
            }
            return score.of(items);
        });
        serve(teacher, (server, stream, health) -> {
            assertThat(stream.score(1, 1, 2, 3).awaitFailed(1).getStatus().getMessage())
                    .isEqualTo("the model failed: Cannot reserve 64 bytes of direct buffer memory");
            refused.set(false);
            stream.score(2, 1, 2, 3).awaitDone(2);
            assertThat(status(health)).isEqualTo(ServingStatus.SERVING);
        });
    }

    /** As after a fault of a GPU that stays. One sequence that fails again and again says nothing of the device. */
    @Test
    void everyForwardFails_isNotServingUntilOneDoesNot() throws Exception {
        AtomicBoolean broken = new AtomicBoolean(true);
        LocalModel teacher = new FaultyTeacher(new FakeTeacher("fake", 500, 64), (items, score) -> {
            if (broken.get()) {
                throw new IllegalStateException("device-side assert");
            }
            return score.of(items);
        });
        try (CapturedLog log = new CapturedLog()) {
            serve(teacher, (server, stream, health) -> {
                for (int again = 1; again <= 5; again++) {
                    stream.score(again, 1, 2, 3).awaitFailed(again);
                }
                stream.score(6, 4, 5, 6).awaitFailed(6);
                assertThat(log.lines()).noneMatch(line -> line.contains("fails everything"));
                assertThat(status(health)).isEqualTo(ServingStatus.SERVING);

                stream.score(7, 7, 8, 9).awaitFailed(7);
                await().until(() -> status(health) == ServingStatus.NOT_SERVING);
                assertThat(log.lines())
                        .anyMatch(line -> line.contains("teacher fake fails everything on")
                                && line.endsWith(
                                        "3 forwards of different sequences in a row (expected: none); not serving"));
                broken.set(false);
                stream.score(8, 1, 2, 3).awaitDone(8);
                await().until(() -> status(health) == ServingStatus.SERVING);
            });
        }
    }

    /** As where another process takes the device's memory. A sequence that never fitted says nothing of the device. */
    @Test
    void noMemoryForWhatFittedBefore_isNotServingUntilItFitsAgain() throws Exception {
        AtomicBoolean taken = new AtomicBoolean(true);
        LocalModel teacher = new FaultyTeacher(new FakeTeacher("fake", 500, 64), (items, score) -> {
            if (taken.get() || items.stream().anyMatch(item -> item.tokens().length > 5)) {
                throw new IllegalStateException("CUDA out of memory. Tried to allocate 2.00 GiB");
            }
            return score.of(items);
        });
        try (CapturedLog log = new CapturedLog()) {
            serve(teacher, (server, stream, health) -> {
                for (int first = 1; first <= 4; first++) {
                    stream.score(first, first, 2, 3).awaitFailed(first);
                }
                taken.set(false);
                stream.score(5, 1, 2, 3).awaitDone(5);
                for (int longer = 6; longer <= 9; longer++) {
                    stream.score(longer, longer, 2, 3, 4, 5, 6).awaitFailed(longer);
                }
                stream.score(10, 1, 2, 3).awaitDone(10);
                assertThat(log.lines()).noneMatch(line -> line.contains("for what fitted before"));
                assertThat(status(health)).isEqualTo(ServingStatus.SERVING);

                taken.set(true);
                for (int id = 11; id <= 13; id++) {
                    stream.score(id, id, 2, 3).awaitFailed(id);
                }
                await().until(() -> status(health) == ServingStatus.NOT_SERVING);
                assertThat(log.lines())
                        .anyMatch(line -> line.contains("teacher fake has no memory on")
                                && line.endsWith("each alone (expected: none); not serving"));
                taken.set(false);
                await().until(() -> status(health) == ServingStatus.SERVING);
            });
        }
    }

    @Test
    void errorOfTheThread_isNotServingAtOnceAndEndsTheServer() throws Exception {
        LocalModel teacher = new FakeTeacher("fake", 500, 64);
        serve(
                new FaultyTeacher(teacher, (items, score) -> new OutcomesThatThrow(items.size())),
                (server, stream, health) -> {
                    SequenceFailed failed = stream.score(1, 1, 2, 3).awaitFailed(1);
                    assertThat(failed.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE.value());
                    assertThat(status(health)).isEqualTo(ServingStatus.NOT_SERVING);
                    assertThatThrownBy(server::awaitTermination)
                            .isInstanceOf(IllegalStateException.class)
                            .hasMessage("the device thread of teacher fake ended: no outcome");
                    assertThat(stream.score(2, 4, 5, 6)
                                    .awaitFailed(2)
                                    .getStatus()
                                    .getCode())
                            .isEqualTo(Status.Code.UNAVAILABLE.value());
                    await().until(() -> server.registry()
                                    .get("lyne.teacher.sequences.in.flight")
                                    .gauge()
                                    .value()
                            == 0);
                });
    }
}
