package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.client.TeacherRefusedException;
import dev.lyne.client.TeacherSecurity;
import dev.lyne.teacher.access.ServerSecurity;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.model.TokenizerFile;
import dev.lyne.v1.GetTeacherRequest;
import dev.lyne.v1.GetTokenizerRequest;
import dev.lyne.v1.Priority;
import dev.lyne.v1.TeacherServiceGrpc;
import dev.lyne.wire.access.AccessToken;
import dev.lyne.wire.access.AccessTokens;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tenants by hashed token and by certificate, over real connections: who is let in, to what, and for how long. */
final class TenantsAreKnownTest {
    private static final AccessToken ALICES = AccessToken.random("alice", new SecureRandom());

    @TempDir
    Path directory;

    private final CapturedLog log = new CapturedLog();
    private TestCertificates certificates;

    @BeforeEach
    void makeAuthority() throws Exception {
        certificates = new TestCertificates(directory);
    }

    @AfterEach
    void noSecretIsLogged() {
        log.close();
        assertThat(log.lines())
                .noneMatch(line -> line.contains(ALICES.text()))
                .noneMatch(line -> line.contains(HexFormat.of().formatHex(ALICES.digest())));
    }

    private Path tokens(String... attributes) throws IOException {
        StringBuilder text = new StringBuilder("lyne-access 1\n");
        for (String each : attributes) {
            text.append(each).append("\n");
        }
        Path file = directory.resolve("tokens");
        Files.move(
                Files.writeString(directory.resolve("tokens.new"), text.toString()),
                file,
                StandardCopyOption.REPLACE_EXISTING);
        return file;
    }

    private static String alices(String attributes) {
        return "token alice sha256:" + HexFormat.of().formatHex(ALICES.digest()) + " " + attributes;
    }

    private static String other() {
        return "token bob sha256:" + "0".repeat(64);
    }

    private static ServerFixture serve(ServerSecurity security) throws Exception {
        return new ServerFixture(new FakeTeacher("fake", 1_000, 64), options -> options.security(security));
    }

    private static ServerFixture serve(Path tokens) throws Exception {
        return serve(new ServerSecurity(Optional.empty(), Optional.of(tokens), false));
    }

    private static Channel asAlice(ServerFixture fixture) {
        Metadata headers = new Metadata();
        headers.put(AccessTokens.HEADER, ALICES.headerValue());
        return ClientInterceptors.intercept(fixture.channel(), MetadataUtils.newAttachHeadersInterceptor(headers));
    }

    private static void assertEnded(TestStream stream, Status.Code code, String message) {
        Status end = stream.awaitEnd();
        assertThat(end.getCode()).isEqualTo(code);
        assertThat(end.getDescription()).contains(message);
    }

    @Test
    void stream_ofATokenTakenOut_endsWithinSeconds() throws Exception {
        Path tokens = tokens(alices(""), other());
        try (ServerFixture fixture = serve(tokens)) {
            TestStream stream = TestStream.reading(asAlice(fixture)).open(4).score(1, 1, 2, 3);
            stream.awaitDone(1);
            tokens(other());
            assertEnded(stream, Status.Code.UNAUTHENTICATED, "a token that this server does not know");
            awaitEndedLine("unauthenticated");
            assertThat(fixture.refusals("unauthenticated")).isEqualTo(1);
            assertEnded(TestStream.reading(asAlice(fixture)).open(4), Status.Code.UNAUTHENTICATED, "does not know");
        }
    }

    @Test
    void stream_ofTheLastTokenTakenOut_endsAndNobodyIsLetInUntilOneIsAdded() throws Exception {
        Path tokens = tokens(alices(""));
        try (ServerFixture fixture = serve(tokens)) {
            TestStream stream = TestStream.reading(asAlice(fixture)).open(4).score(1, 1, 2, 3);
            stream.awaitDone(1);
            tokens();
            assertEnded(stream, Status.Code.UNAUTHENTICATED, "a token that this server does not know");
            assertEnded(TestStream.reading(asAlice(fixture)).open(4), Status.Code.UNAUTHENTICATED, "does not know");
            assertThat(log.lines()).anyMatch(line -> line.startsWith(tokens + " holds no token and no certificate"));

            tokens(alices(""));
            await().ignoreExceptions()
                    .untilAsserted(() -> TeacherServiceGrpc.newBlockingStub(asAlice(fixture))
                            .getTeacher(GetTeacherRequest.getDefaultInstance()));
        }
    }

    @Test
    void stream_ofATokenWhoseFileIsGoneOrGarbled_goesOnWithAWarning() throws Exception {
        Path tokens = tokens(alices(""));
        try (ServerFixture fixture = serve(tokens)) {
            TestStream stream = TestStream.reading(asAlice(fixture)).open(4).score(1, 1, 2, 3);
            stream.awaitDone(1);
            Files.delete(tokens);
            awaitRefusedFile("no such file");
            Files.writeString(tokens, "lyne-access 1\ntok");
            awaitRefusedFile("a line of 1 words");
            stream.score(2, 1, 2, 3).awaitDone(2);
        }
    }

    private void awaitEndedLine(String reason) {
        await().until(() -> log.lines().stream()
                .anyMatch(line -> line.startsWith("stream ended: ") && line.contains(" reason=" + reason + " ")));
    }

    private void awaitRefusedFile(String why) {
        await().until(() -> log.lines().stream()
                .anyMatch(line -> line.contains(why) && line.endsWith("what was read before stays")));
    }

    @Test
    void otherCalls_ofATokenTakenOut_endWithinSeconds() throws Exception {
        Path tokens = tokens(alices(""), other());
        FakeTeacher teacher = new FakeTeacher("fake", 1_000, 64)
                .withTokenizer(List.of(new TokenizerFile("tokenizer.json", new byte[8 << 20])));
        try (ServerFixture fixture = new ServerFixture(
                teacher,
                options -> options.security(new ServerSecurity(Optional.empty(), Optional.of(tokens), false))
                        .reflection(true))) {
            // A session of reflection that stays open, and a tokenizer whose reader takes one part and no more.
            CompletableFuture<Status> reflection = new CompletableFuture<>();
            CompletableFuture<Status> tokenizer = new CompletableFuture<>();
            CountDownLatch answered = new CountDownLatch(2);
            ClientCall<ServerReflectionRequest, ?> asking =
                    call(asAlice(fixture), ServerReflectionGrpc.getServerReflectionInfoMethod(), answered, reflection);
            asking.sendMessage(
                    ServerReflectionRequest.newBuilder().setListServices("").build());
            ClientCall<GetTokenizerRequest, ?> reading =
                    call(asAlice(fixture), TeacherServiceGrpc.getGetTokenizerMethod(), answered, tokenizer);
            reading.sendMessage(GetTokenizerRequest.getDefaultInstance());
            reading.halfClose();
            assertThat(answered.await(1, TimeUnit.MINUTES)).isTrue();

            tokens(other());
            await().until(() -> fixture.refusals("unauthenticated") == 2);
            asking.request(10);
            reading.request(10);
            assertThat(reflection.get(1, TimeUnit.MINUTES).getCode()).isEqualTo(Status.Code.UNAUTHENTICATED);
            assertThat(tokenizer.get(1, TimeUnit.MINUTES).getCode()).isEqualTo(Status.Code.UNAUTHENTICATED);
        }
    }

    /** Starts a call that reads one answer, and tells its end. */
    private static <Q, A> ClientCall<Q, A> call(
            Channel channel, MethodDescriptor<Q, A> method, CountDownLatch answered, CompletableFuture<Status> end) {
        ClientCall<Q, A> call = channel.newCall(method, CallOptions.DEFAULT);
        call.start(
                new ClientCall.Listener<>() {
                    @Override
                    public void onMessage(A message) {
                        answered.countDown();
                    }

                    @Override
                    public void onClose(Status status, Metadata trailers) {
                        end.complete(status);
                    }
                },
                new Metadata());
        call.request(1);
        return call;
    }

    @Test
    void stream_ofATokenThatExpires_endsWithinSeconds() throws Exception {
        Instant soon = Instant.now().plus(Duration.ofSeconds(3));
        try (ServerFixture fixture = serve(tokens(alices("expires=" + soon)))) {
            TestStream stream = TestStream.reading(asAlice(fixture)).open(4).score(1, 1, 2, 3);
            stream.awaitDone(1);
            assertEnded(stream, Status.Code.UNAUTHENTICATED, "a token of alice that expired at " + soon);
            awaitEndedLine("token_expired");
            assertEnded(TestStream.reading(asAlice(fixture)).open(4), Status.Code.UNAUTHENTICATED, "that expired at ");
            assertThat(fixture.refusals("token_expired")).isEqualTo(2);
        }
    }

    @Test
    void call_toATeacherThatTheTokenDoesNotOpen_isDeniedAndAnOpenStreamEnds() throws Exception {
        Path tokens = tokens(alices(""), other());
        try (ServerFixture fixture = serve(tokens)) {
            TestStream open = TestStream.reading(asAlice(fixture)).open(4).score(1, 1, 2, 3);
            open.awaitDone(1);
            tokens(alices("teachers=another"), other());
            assertEnded(open, Status.Code.PERMISSION_DENIED, "which the credential of alice does not open (expected:");
            TestStream named = TestStream.reading(asAlice(fixture))
                    .open(TestStream.topK(4).toBuilder().setTeacher("fake").build());
            assertEnded(named, Status.Code.PERMISSION_DENIED, "(expected: one of [another])");
        }
    }

    @Test
    void stream_ofAClassThatTheTokenDoesNotOpen_isDenied() throws Exception {
        try (ServerFixture fixture = serve(tokens(alices("class=capture")))) {
            TestStream training = TestStream.reading(asAlice(fixture))
                    .open(TestStream.topK(4).toBuilder()
                            .setPriority(Priority.PRIORITY_TRAINING)
                            .build());
            assertEnded(
                    training,
                    Status.Code.PERMISSION_DENIED,
                    "priority: training, which the credential of alice does not open (expected: at most capture)");
            TestStream usual = TestStream.reading(asAlice(fixture)).open(4).score(1, 1, 2, 3);
            usual.awaitDone(1);
        }
    }

    @Test
    void serve_tokensAsTheyAre_areTakenWithAWarning() throws Exception {
        Path plain = Files.writeString(directory.resolve("plain"), "alice " + ALICES.text() + "\n");
        try (ServerFixture fixture = serve(plain)) {
            TestStream.reading(asAlice(fixture)).open(4).score(1, 1, 2, 3).awaitDone(1);
            assertThat(log.lines()).anyMatch(line -> line.startsWith(plain + " holds tokens as they are"));
        }
    }

    private ServerSecurity mutual(Optional<Path> tokens) throws Exception {
        return new ServerSecurity(
                Optional.of(certificates.issueForLoopback()), tokens, Optional.of(certificates.authority()), false);
    }

    private TeacherSecurity showing(TeacherSecurity.ClientCertificate own) {
        return TeacherSecurity.trusting(certificates.authority()).withCertificate(own);
    }

    private static TeacherClient connect(ServerFixture fixture, TeacherSecurity security) {
        Duration timeout = Duration.ofSeconds(3);
        return TeacherClient.connect(
                "127.0.0.1:" + fixture.server.port(),
                ClientOptions.builder()
                        .security(security)
                        .openTimeout(timeout)
                        .retryFor(timeout)
                        .build());
    }

    @Test
    void connect_certificateOfTheRightAuthority_isItsTenant() throws Exception {
        try (ServerFixture fixture = serve(mutual(Optional.empty()))) {
            connect(fixture, showing(certificates.issueClient("CN=team-a,O=lab", true)))
                    .close();
            assertThat(log.lines()).contains("team-a calls lyne.v1.TeacherService/GetTeacher");
        }
        Path tokens = tokens("certificate beta subject=O=lab, CN=nobody", "certificate gamma subject=CN=Team-A, O=lab");
        try (ServerFixture fixture = serve(mutual(Optional.of(tokens)))) {
            connect(fixture, showing(certificates.issueClient("CN=team-a,O=lab", true)))
                    .close();
            assertThat(log.lines()).contains("gamma calls lyne.v1.TeacherService/GetTeacher");
            TeacherSecurity stranger = showing(certificates.issueClient("CN=team-z,O=lab", true));
            assertThatThrownBy(() -> connect(fixture, stranger))
                    .isInstanceOf(TeacherRefusedException.class)
                    .hasMessageContaining("UNAUTHENTICATED: a certificate that this server does not know");
            assertThatThrownBy(() -> connect(fixture, TeacherSecurity.trusting(certificates.authority())))
                    .hasMessageContaining("UNAUTHENTICATED: no token");
        }
    }

    @Test
    void connect_noCertificateAnExpiredOneOrAnotherAuthoritys_isRefused() throws Exception {
        TestCertificates elsewhere = new TestCertificates(Files.createDirectory(directory.resolve("elsewhere")));
        TeacherSecurity none = TeacherSecurity.trusting(certificates.authority());
        TeacherSecurity expired = showing(certificates.issueClient("CN=team-a", false));
        TeacherSecurity strange = showing(elsewhere.issueClient("CN=team-a", true));
        try (ServerFixture fixture = serve(mutual(Optional.empty()))) {
            for (TeacherSecurity each : new TeacherSecurity[] {none, expired, strange}) {
                assertThatThrownBy(() -> connect(fixture, each)).isInstanceOf(RuntimeException.class);
            }
            assertThat(log.lines()).noneMatch(line -> line.contains(" calls "));
        }
    }

    @Test
    void certificate_rotatedUnderLoad_losesNothingOfAnOpenStream() throws Exception {
        TeacherSecurity.ClientCertificate own = certificates.issueClient("CN=team-a", true);
        try (ServerFixture fixture = serve(mutual(Optional.empty()));
                TeacherClient client = connect(fixture, showing(own));
                var stream = client.open(TargetRequest.topK(4, List.of(), TeacherExpectation.any()))) {
            certificates.issueForLoopback();
            int sent = 0;
            while (log.lines().stream().noneMatch(line -> line.endsWith("changed and were read again")) || sent < 50) {
                stream.offer(TargetSequence.whole(sent, new int[] {1, 2, 3 + sent % 900}));
                assertThat(stream.take().rows()).isEqualTo(2);
                sent++;
            }
            connect(fixture, showing(own)).close();
            stream.offer(TargetSequence.whole(sent, new int[] {7, 8, 9}));
            assertThat(stream.take().rows()).isEqualTo(2);
            assertThat(stream.statistics().reconnects()).isZero();
        }
    }

    @Test
    void call_refused_carriesItsReason() throws Exception {
        try (ServerFixture fixture = serve(tokens(other()))) {
            assertThatThrownBy(() -> TeacherServiceGrpc.newBlockingStub(asAlice(fixture))
                            .getTeacher(GetTeacherRequest.getDefaultInstance()))
                    .isInstanceOfSatisfying(
                            StatusRuntimeException.class,
                            e -> assertThat(StatusProto.fromThrowable(e)
                                            .getDetails(0)
                                            .getTypeUrl())
                                    .endsWith("google.rpc.ErrorInfo"));
            await().until(() -> fixture.refusals("unauthenticated") == 1);
        }
    }
}
