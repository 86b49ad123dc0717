package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.client.TeacherRefusedException;
import dev.lyne.client.TeacherSecurity;
import dev.lyne.teacher.access.ServerSecurity;
import dev.lyne.teacher.model.FakeTeacher;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Bearer tokens between a real server and a real client. */
final class TokensTest {
    private static final String ALICES = "alices-token-0123456789";
    private static final String BOBS = "bobs-token-0123456789";

    @TempDir
    Path directory;

    private final CapturedLog log = new CapturedLog();
    private Path known;
    private ServerFixture fixture;

    @BeforeEach
    void serve() throws Exception {
        known = file("known", "# students\nalice " + ALICES + "\n");
        ServerSecurity security = new ServerSecurity(Optional.empty(), Optional.of(known), false);
        fixture = new ServerFixture(
                new FakeTeacher("fake", 1_000, 64),
                options -> options.security(security).reflection(true));
    }

    @AfterEach
    void stop() throws InterruptedException {
        fixture.close();
        log.close();
        assertThat(log.lines()).noneMatch(line -> line.contains("-token-0123456789"));
    }

    private Path file(String name, String text) throws IOException {
        return Files.writeString(directory.resolve(name), text);
    }

    private TeacherClient connect(TeacherSecurity security) {
        return TeacherClient.connect(
                "127.0.0.1:" + fixture.server.port(),
                ClientOptions.builder().security(security).build());
    }

    private TeacherClient connectWith(String token) throws IOException {
        return connect(TeacherSecurity.LOOPBACK.withTokenFile(file("mine-" + token.hashCode(), token + "\n")));
    }

    private static void takeOne(TeacherClient client) throws InterruptedException {
        try (TargetStream stream = client.open(TargetRequest.topK(4, List.of(), TeacherExpectation.any()))) {
            stream.offer(TargetSequence.whole(0, new int[] {1, 2, 3}));
            assertThat(stream.take().rows()).isEqualTo(2);
        }
    }

    @Test
    void call_withAKnownToken_isAnsweredAndLoggedByItsHolder() throws Exception {
        try (TeacherClient client = connectWith(ALICES)) {
            takeOne(client);
        }
        assertThat(log.lines()).contains("alice calls lyne.v1.TeacherService/ScoreSequences");
    }

    @Test
    void call_withoutAToken_isRefusedAtOnceSayingWhatToDo() {
        assertThatThrownBy(() -> connect(TeacherSecurity.LOOPBACK))
                .isInstanceOf(TeacherRefusedException.class)
                .hasMessage("teacher 127.0.0.1:" + fixture.server.port() + ": UNAUTHENTICATED: no token (expected:"
                        + " authorization: Bearer TOKEN, as --token-file FILE sends it)");
        assertThat(fixture.refusals("unauthenticated")).isEqualTo(1);
        assertThat(log.lines())
                .anyMatch(line ->
                        line.startsWith("refused a call of lyne.v1.TeacherService/GetTeacher from /127.0.0.1:"));
    }

    @Test
    void call_withAnUnknownToken_isRefusedWithoutShowingIt() {
        assertThatThrownBy(() -> connectWith(BOBS))
                .isInstanceOf(TeacherRefusedException.class)
                .hasMessageContaining("UNAUTHENTICATED: a token that this server does not know")
                .hasMessageNotContaining(BOBS);
    }

    @Test
    void probes_withoutAToken_seeHealthAndNothingElse() {
        HealthCheckRequest probe = HealthCheckRequest.newBuilder()
                .setService("lyne.v1.TeacherService")
                .build();
        assertThat(HealthGrpc.newBlockingStub(fixture.channel()).check(probe).getStatus())
                .isEqualTo(ServingStatus.SERVING);
        assertThatThrownBy(() -> TestReflection.listServices(fixture.channel()).get(30, TimeUnit.SECONDS))
                .cause()
                .isInstanceOfSatisfying(
                        StatusRuntimeException.class,
                        e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAUTHENTICATED));
    }

    @Test
    void tokens_replacedWhileServing_admitTheNewAndRefuseTheOld() throws Exception {
        try (TeacherClient before = connectWith(ALICES)) {
            file("known", "bob " + BOBS + "\n");
            await().ignoreExceptions().untilAsserted(() -> connectWith(BOBS).close());
            assertThatThrownBy(() -> connectWith(ALICES)).isInstanceOf(TeacherRefusedException.class);
            assertThatThrownBy(() -> takeOne(before)).isInstanceOf(TeacherRefusedException.class);
        }
    }

    @Test
    void tokens_replacedByNone_leaveThoseBefore() throws Exception {
        file("known", "# nobody\n");
        await().until(() -> log.lines().stream().anyMatch(line -> line.endsWith("what was read before stays")));
        connectWith(ALICES).close();
    }

    @Test
    void token_replacedOnTheStudentsSide_isCarriedByTheNextCall() throws Exception {
        Path mine = file("mine", ALICES);
        try (TeacherClient client = connect(TeacherSecurity.LOOPBACK.withTokenFile(mine))) {
            file("known", "alice " + ALICES + "\nbob " + BOBS + "\n");
            await().ignoreExceptions().untilAsserted(() -> connectWith(BOBS).close());
            file("mine", BOBS);
            takeOne(client);
            assertThat(log.lines()).contains("bob calls lyne.v1.TeacherService/ScoreSequences");
        }
    }

    @Test
    void token_replacedOnBothSides_costsAnOpenStreamNoRow() throws Exception {
        Path mine = file("mine", ALICES);
        try (TeacherClient client = connect(TeacherSecurity.LOOPBACK.withTokenFile(mine));
                TargetStream stream = client.open(TargetRequest.topK(4, List.of(), TeacherExpectation.any()))) {
            stream.offer(TargetSequence.whole(0, new int[] {1, 2, 3}));
            assertThat(stream.take().rows()).isEqualTo(2);
            file("mine", BOBS);
            file("known", "bob " + BOBS + "\n");
            await().until(() -> fixture.refusals("unauthenticated") == 1);
            stream.offer(TargetSequence.whole(1, new int[] {4, 5, 6}));
            assertThat(stream.take().rows()).isEqualTo(2);
            assertThat(stream.statistics().reconnects()).isEqualTo(1);
        }
    }
}
