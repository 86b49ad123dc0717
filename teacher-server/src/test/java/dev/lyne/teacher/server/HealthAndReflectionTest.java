package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.v1.GetTeacherRequest;
import dev.lyne.v1.ListTeachersRequest;
import dev.lyne.v1.Teacher;
import dev.lyne.v1.TeacherServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

final class HealthAndReflectionTest {
    private static final HealthCheckRequest SERVICE =
            HealthCheckRequest.newBuilder().setService("lyne.v1.TeacherService").build();

    @Test
    void health_untilWarm_isNotServing() throws Exception {
        FakeTeacher teacher = new FakeTeacher("fake", 1_000, 64);
        teacher.holdWarmUp();
        TeacherServer server = TeacherServer.listen(
                List.of(teacher), TeacherServerOptions.builder().build());
        ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port())
                .usePlaintext()
                .build();
        HealthGrpc.HealthBlockingStub health = HealthGrpc.newBlockingStub(channel);
        assertThat(health.check(SERVICE).getStatus()).isEqualTo(ServingStatus.NOT_SERVING);
        teacher.allowWarmUp();
        server.awaitWarm();

        assertThat(health.check(SERVICE).getStatus()).isEqualTo(ServingStatus.SERVING);
        channel.shutdownNow();
        server.close();
    }

    @Test
    void reflection_switchedOn_listsTheService() throws Exception {
        try (ServerFixture fixture =
                new ServerFixture(new FakeTeacher("fake", 1_000, 64), options -> options.reflection(true))) {
            assertThat(TestReflection.listServices(fixture.channel())
                            .get()
                            .getListServicesResponse()
                            .getServiceList())
                    .extracting(service -> service.getName())
                    .contains("lyne.v1.TeacherService", "grpc.health.v1.Health");
            ServerReflectionRequest details = ServerReflectionRequest.newBuilder()
                    .setFileContainingSymbol("google.rpc.ErrorInfo")
                    .build();
            assertThat(TestReflection.ask(fixture.channel(), details).get().hasFileDescriptorResponse())
                    .as("what failures carry is described")
                    .isTrue();
        }
    }

    @Test
    void reflection_byDefault_isOff() throws Exception {
        try (ServerFixture fixture = new ServerFixture()) {
            CompletableFuture<ServerReflectionResponse> answer = TestReflection.listServices(fixture.channel());
            await().until(answer::isCompletedExceptionally);
        }
    }

    @Test
    void getTeacher_emptyName_describesTheOnlyOne() throws Exception {
        try (ServerFixture fixture = new ServerFixture()) {
            TeacherServiceGrpc.TeacherServiceBlockingStub service =
                    TeacherServiceGrpc.newBlockingStub(fixture.channel());
            Teacher teacher =
                    service.getTeacher(GetTeacherRequest.getDefaultInstance()).getTeacher();

            assertThat(teacher.getVocabularySize()).isEqualTo(1_000);
            assertThat(teacher.getContextLength()).isEqualTo(1_024);
            assertThat(teacher.getLimits().getMaxK()).isEqualTo(1_000);
            assertThat(teacher.getLimits().getMaxRequestBytes()).isEqualTo(4 << 20);
            assertThat(teacher.getLimits().getMaxResponseBytes()).isGreaterThan(1 << 20);
            assertThat(teacher.getLimits().getMaxMetadataBytes()).isEqualTo(1 << 14);
            assertThat(teacher.getLimits().getMaxChosen()).isPositive();
            assertThat(teacher.getLimits().getMaxSequenceEntries()).isPositive();
            assertThat(teacher.getLimits().getMaxStreamsPerConnection()).isEqualTo(256);
            assertThat(teacher.getLimits().getMaxConnections()).isEqualTo(512);
            assertThat(teacher.getDigests().getModelSha256().size()).isEqualTo(32);
            assertThat(service.listTeachers(ListTeachersRequest.getDefaultInstance())
                            .getTeachersList())
                    .containsExactly(teacher);
            assertThatThrownBy(() -> service.getTeacher(
                            GetTeacherRequest.newBuilder().setName("other").build()))
                    .isInstanceOfSatisfying(
                            StatusRuntimeException.class,
                            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND));
        }
    }
}
