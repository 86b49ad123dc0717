package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.ByteString;
import com.google.rpc.ErrorInfo;
import dev.lyne.client.ClientOptions;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.client.Timeouts;
import dev.lyne.teacher.access.ServerSecurity;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.v1.GetTeacherRequest;
import dev.lyne.v1.ListTeachersRequest;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.Teacher;
import dev.lyne.v1.TeacherDigests;
import dev.lyne.v1.TeacherServiceGrpc;
import dev.lyne.wire.access.AccessToken;
import dev.lyne.wire.access.AccessTokens;
import dev.lyne.wire.access.WatchedFiles;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import io.micrometer.core.instrument.Meter;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Teachers that are loaded and taken away while a real server runs, over real connections. */
final class TeachersComeAndGoTest {
    static {
        Awaitility.setDefaultTimeout(Duration.ofMinutes(1));
    }

    @TempDir
    Path directory;

    private final CapturedLog log = new CapturedLog();
    private final Map<String, FakeTeacher> loaded = new ConcurrentHashMap<>();
    private final List<ManagedChannel> channels = new ArrayList<>();

    @SuppressWarnings("NullAway.Init") // a test whose server does not start has none
    private TeacherServer server;

    @AfterEach
    void stop() throws InterruptedException {
        loaded.values().forEach(teacher -> {
            teacher.allowAll();
            teacher.allowWarmUp();
        });
        for (ManagedChannel channel : channels) {
            channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
        }
        if (server != null) {
            server.close();
        }
        log.close();
    }

    /** An entry of a fake teacher, which {@link #loaded} has once it is loaded, by name and revision. */
    private TeacherEntry entry(String name, String revision) {
        return entry(name, revision, Optional.empty(), TeacherEntry.Memory.NONE);
    }

    private TeacherEntry entry(String name, String revision, Optional<Long> cacheBytes, TeacherEntry.Memory memory) {
        return new TeacherEntry(
                name,
                revision,
                cacheBytes,
                memory,
                () -> new OpenedTeacher.Local(
                        loaded.computeIfAbsent(name + " " + revision, unused -> new FakeTeacher(name, 1_000, 1_024))));
    }

    private static TeacherEntry failing(String name, String why) {
        return new TeacherEntry(name, "broken", Optional.empty(), TeacherEntry.Memory.NONE, () -> {
            throw new IOException(why);
        });
    }

    private void serve(UnaryOperator<TeacherServerOptions.Builder> options, TeacherEntry... entries) throws Exception {
        server = TeacherServer.load(
                List.of(entries),
                options.apply(TeacherServerOptions.builder()
                                .metrics(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                                .http(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)))
                        .build());
    }

    private FakeTeacher teacher(String nameAndRevision) {
        return Objects.requireNonNull(loaded.get(nameAndRevision), nameAndRevision);
    }

    private ManagedChannel channel() {
        ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port())
                .usePlaintext()
                .build();
        channels.add(channel);
        return channel;
    }

    private static OpenStream asking(String teacher) {
        return TestStream.topK(4).toBuilder().setTeacher(teacher).build();
    }

    private TestStream stream(String teacher) {
        return TestStream.reading(channel()).open(asking(teacher));
    }

    private List<String> listed(Channel channel) {
        return TeacherServiceGrpc.newBlockingStub(channel)
                .listTeachers(ListTeachersRequest.getDefaultInstance())
                .getTeachersList()
                .stream()
                .map(Teacher::getName)
                .toList();
    }

    private ServingStatus health(String name) {
        return health(channel(), name);
    }

    private static ServingStatus health(Channel channel, String name) {
        try {
            return HealthGrpc.newBlockingStub(channel)
                    .check(HealthCheckRequest.newBuilder().setService(name).build())
                    .getStatus();
        } catch (StatusRuntimeException e) {
            assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND);
            return ServingStatus.SERVICE_UNKNOWN;
        }
    }

    private HttpResponse<String> get(int port, String path) throws Exception {
        return HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
    }

    private JsonNode status() throws Exception {
        return JsonMapper.shared()
                .readTree(
                        get(server.metricsPort().orElseThrow(), "/status.json").body());
    }

    /** Each teacher's states, as the status page has them. */
    private List<String> states() throws Exception {
        List<String> states = new ArrayList<>();
        for (JsonNode life : status().path("lives")) {
            states.add(
                    life.path("teacher").asString() + " " + life.path("state").asString());
        }
        return states;
    }

    private List<String> labelled(String teacher) {
        return server.registry().getMeters().stream()
                .map(Meter::getId)
                .filter(id -> teacher.equals(id.getTag("teacher")))
                .map(Meter.Id::getName)
                .toList();
    }

    private static String reason(Throwable error) throws Exception {
        com.google.rpc.Status details = StatusProto.fromThrowable(error);
        assertThat(details).isNotNull();
        return details.getDetails(0).unpack(ErrorInfo.class).getReason();
    }

    @Test
    void load_whileServing_namesTheTeacherOnceItIsWarm() throws Exception {
        serve(options -> options, entry("a", "1"));
        FakeTeacher slow = new FakeTeacher("b", 1_000, 1_024);
        slow.holdWarmUp();
        loaded.put("b 1", slow);
        assertThat(server.apply(List.of(entry("a", "1"), entry("b", "1"))))
                .isEqualTo("loading [b], draining [], as they were [a]");
        await().until(() -> states().equals(List.of("a serving", "b warming")));

        assertThat(listed(channel())).containsExactly("a");
        assertThat(health("b")).isEqualTo(ServingStatus.NOT_SERVING);
        assertThat(health("a")).isEqualTo(ServingStatus.SERVING);
        assertThat(health("")).isEqualTo(ServingStatus.SERVING);
        TestStream early = stream("b");
        assertThat(early.awaitEnd().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(early.awaitEnd().getDescription())
                .isEqualTo("teacher: b: is being loaded (expected: another server, or this one later)");
        assertThat(reason(early.error())).isEqualTo("TEACHER_UNAVAILABLE");
        assertThat(get(server.httpPort().orElseThrow(), "/v1/models").body())
                .contains("\"a\"")
                .doesNotContain("\"b\"");

        slow.allowWarmUp();
        await().until(() -> states().equals(List.of("a serving", "b serving")));
        assertThat(health("b")).isEqualTo(ServingStatus.SERVING);
        stream("b").score(1, 1, 2, 3).awaitDone(1).halfClose().awaitEnd();
        assertThat(slow.sequencesScored()).isEqualTo(1);
        assertThat(teacher("a 1").sequencesScored()).isZero();
        assertThat(get(server.httpPort().orElseThrow(), "/v1/models").body()).contains("\"a\"", "\"b\"");
        assertThat(server.teacherNames()).containsExactly("a", "b");
    }

    @Test
    void unload_withAnOpenStream_finishesWhatItAskedAndSendsItElsewhere() throws Exception {
        serve(options -> options, entry("a", "1"), entry("b", "1"));
        teacher("b 1").hold();
        TestStream working = stream("b").score(1, 1, 2, 3);
        TestStream idle = stream("b");
        TestStream other = stream("a").score(1, 1, 2, 3).awaitDone(1);
        await().until(() -> teacher("b 1").batches().size() == 1);
        String unused = server.apply(List.of(entry("a", "1")));

        assertThat(idle.awaitEnd().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(reason(idle.error())).isEqualTo("TEACHER_UNAVAILABLE");
        assertThat(states()).containsExactly("a serving", "b draining");
        assertThat(health("b")).isEqualTo(ServingStatus.NOT_SERVING);
        working.score(2, 4, 5, 6);
        assertThat(working.awaitFailed(2).getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE.value());
        assertThat(working.live()).isTrue();
        assertThat(teacher("b 1").closed()).isFalse();

        teacher("b 1").allowAll();
        assertThat(working.awaitEnd().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(working.done(1)).isTrue();
        await().until(() -> states().equals(List.of("a serving")));
        assertThat(teacher("b 1").closed()).isTrue();
        assertThat(labelled("b")).as("meters of a teacher that is gone").isEmpty();
        assertThat(labelled("a")).contains("lyne.teacher.positions.scored");
        assertThat(health("b")).isEqualTo(ServingStatus.SERVICE_UNKNOWN);
        assertThat(stream("b").awaitEnd().getCode())
                .as("its students look elsewhere, or wait")
                .isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(stream("never").awaitEnd().getCode()).isEqualTo(Status.Code.NOT_FOUND);
        other.score(2, 4, 5, 6).awaitDone(2);
        assertThat(other.live()).isTrue();
    }

    @Test
    void unload_withAForwardThatDoesNotEnd_isOverAtItsBound() throws Exception {
        serve(options -> options.drainTimeout(Duration.ofMillis(300)), entry("a", "1"), entry("b", "1"));
        teacher("b 1").hold();
        TestStream working = stream("b").score(1, 1, 2, 3);
        await().until(() -> teacher("b 1").batches().size() == 1);
        String unused = server.apply(List.of(entry("a", "1")));
        assertThat(working.awaitEnd().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(working.done(1)).isFalse();
        await().until(() -> states().equals(List.of("a serving")));
        stream("a").score(1, 1, 2, 3).awaitDone(1);
    }

    /** A student of the teacher that goes away from one server goes on with another that has it. */
    @Test
    void unload_ofAStudentsTeacher_costsItNoRow() throws Exception {
        serve(options -> options, entry("a", "1"), entry("b", "1"));
        try (ServerFixture second = new ServerFixture(new FakeTeacher("b", 1_000, 1_024), options -> options);
                TeacherClient client = TeacherClient.connect(
                        "127.0.0.1:" + server.port() + ",127.0.0.1:" + second.server.port(),
                        ClientOptions.builder()
                                .teacher("b")
                                .timeouts(Timeouts.DEFAULT.withProgressTimeouts(
                                        Duration.ofSeconds(60), Duration.ofSeconds(20)))
                                .build());
                TargetStream stream = client.open(TargetRequest.topK(4, List.of(), TeacherExpectation.any()))) {
            teacher("b 1").hold();
            for (int id = 0; id < 40; id++) {
                assertThat(stream.offer(TargetSequence.whole(id, new int[] {id, 2, 3})))
                        .isTrue();
            }
            await().until(() -> !teacher("b 1").batches().isEmpty());
            String unused = server.apply(List.of(entry("a", "1")));
            await().until(() -> states().contains("b draining"));
            teacher("b 1").allowAll();
            await().until(() -> states().equals(List.of("a serving")));
            for (int id = 0; id < 40; id++) {
                assertThat(stream.take().sequence().id()).isEqualTo(id);
            }
            assertThat(stream.statistics().failedSequences()).isZero();
            stream.offer(TargetSequence.whole(40, new int[] {40, 2, 3}));
            assertThat(stream.take().rows()).isEqualTo(2);
        }
    }

    /** A student that named no teacher, as there was one, goes on with it beside others, after its connection was lost. */
    @Test
    void load_besideTheOnlyTeacher_leavesItsStudentsWithIt() throws Exception {
        serve(options -> options, entry("b", "1"));
        String unused = server.apply(List.of(entry("a", "1"), entry("b", "1")));
        await().until(() -> server.teacherNames().size() == 2);
        OpenStream open = TestStream.topK(4).toBuilder()
                .setExpectedDigests(TeacherDigests.newBuilder()
                        .setModelSha256(
                                ByteString.copyFrom(teacher("b 1").description().modelDigest())))
                .build();
        TestStream.reading(channel()).open(open).score(1, 1, 2, 3).awaitDone(1);
        assertThat(teacher("b 1").sequencesScored()).isEqualTo(1);
        assertThat(TestStream.reading(channel()).open(4).awaitEnd().getDescription())
                .isEqualTo("teacher: empty (expected: one of [a, b])");
    }

    @Test
    void firstLoad_ofOneThatTakesLong_keepsNobodyFromTheOthers() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        FakeTeacher slow = new FakeTeacher("b", 1_000, 1_024);
        slow.holdWarmUp();
        loaded.put("b 1", slow);
        ManagedChannel channel =
                NettyChannelBuilder.forAddress("127.0.0.1", port).usePlaintext().build();
        channels.add(channel);
        ExecutorService starting = Executors.newSingleThreadExecutor();
        try {
            Future<TeacherServer> load = starting.submit(() -> TeacherServer.load(
                    List.of(entry("a", "1"), entry("b", "1")),
                    TeacherServerOptions.builder()
                            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), port))
                            .build()));
            await().ignoreExceptions().until(() -> health(channel, "") == ServingStatus.SERVING);
            assertThat(health(channel, "b")).isEqualTo(ServingStatus.NOT_SERVING);
            TestStream.reading(channel).open(asking("a")).score(1, 1, 2, 3).awaitDone(1);
            assertThat(load.isDone()).isFalse();
            slow.allowWarmUp();
            server = load.get();
        } finally {
            starting.shutdown();
        }
        assertThat(server.teacherNames()).containsExactly("a", "b");
        assertThat(health(channel, "b")).isEqualTo(ServingStatus.SERVING);
    }

    @Test
    void load_thatFails_leavesTheOthersServingAndSaysWhy() throws Exception {
        serve(options -> options, entry("a", "1"), failing("b", "weights.bin: 3 bytes (expected: 4)"));
        assertThat(server.teacherNames()).containsExactly("a");
        assertThat(states()).containsExactly("a serving", "b failed");
        assertThat(status().path("lives").get(1).path("detail").asString())
                .isEqualTo("weights.bin: 3 bytes (expected: 4)");
        assertThat(log.lines()).containsOnlyOnce("teacher b: could not be loaded: weights.bin: 3 bytes (expected: 4)");
        assertThat(failures("b")).isEqualTo(1);
        assertThat(server.registry()
                        .get("lyne.teacher.state")
                        .tag("teacher", "b")
                        .tag("state", "failed")
                        .gauge()
                        .value())
                .isEqualTo(1);
        assertThat(health("b")).isEqualTo(ServingStatus.NOT_SERVING);
        stream("a").score(1, 1, 2, 3).awaitDone(1);
        assertThat(stream("b").awaitEnd().getDescription()).contains("could not be loaded");

        String unused = server.apply(List.of(entry("a", "1"), failing("b", "still broken")));
        await().until(() -> failures("b") == 2);
        String again = server.apply(List.of(entry("a", "1"), entry("b", "1")));
        assertThat(again).isEqualTo("loading [b], draining [], as they were [a]");
        await().until(() -> states().equals(List.of("a serving", "b serving")));
    }

    private double failures(String teacher) {
        return server.registry()
                .get("lyne.teacher.load.failures")
                .tag("teacher", teacher)
                .counter()
                .count();
    }

    @Test
    void load_ofNone_isRefusedWithWhatTheFirstFailedBy() {
        assertThatThrownBy(() -> serve(options -> options, failing("a", "no weights")))
                .isInstanceOf(IOException.class)
                .hasMessage("no weights");
    }

    @Test
    void entryThatChanged_isLoadedBesideTheOldAndTakesItsPlace() throws Exception {
        serve(options -> options, entry("a", "1"));
        teacher("a 1").hold();
        TestStream old = stream("a").score(1, 1, 2, 3);
        await().until(() -> teacher("a 1").batches().size() == 1);
        String unused = server.apply(List.of(entry("a", "2")));
        await().until(() -> states().equals(List.of("a serving", "a draining")));
        stream("a").score(1, 7, 8, 9).awaitDone(1);
        assertThat(teacher("a 2").sequencesScored()).isEqualTo(1);
        assertThat(health("a")).isEqualTo(ServingStatus.SERVING);
        teacher("a 1").allowAll();
        assertThat(old.awaitEnd().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(old.done(1)).isTrue();
        await().until(() -> states().equals(List.of("a serving")));
        assertThat(teacher("a 1").closed()).isTrue();
        assertThat(teacher("a 2").closed()).isFalse();
        assertThat(labelled("a")).contains("lyne.teacher.queue.tokens", "lyne.teacher.decode.sessions");
    }

    @Test
    void entryThatChanged_whoseLoadFails_leavesTheOldOne() throws Exception {
        serve(options -> options, entry("a", "1"));
        String unused = server.apply(List.of(failing("a", "no weights")));
        await().until(() -> states().equals(List.of("a serving", "a failed")));
        stream("a").score(1, 1, 2, 3).awaitDone(1);
        assertThat(teacher("a 1").closed()).isFalse();
        assertThat(labelled("a")).contains("lyne.teacher.queue.tokens", "lyne.teacher.cache.bytes");
        assertThat(health("a")).isEqualTo(ServingStatus.SERVING);
    }

    /** Two that take more than half of the memory each. */
    @Test
    void entryThatChanged_thatMemoryDoesNotHoldTwice_isLoadedAfterTheOldOne() throws Exception {
        long available = MemoryPlan.ofThisProcess(0, 0).availableBytes();
        long left = available - Runtime.getRuntime().maxMemory() - (1L << 30);
        TeacherEntry.Memory most = new TeacherEntry.Memory(left / 5 * 3, 0, true);
        serve(options -> options, entry("a", "1", Optional.empty(), most));
        teacher("a 1").hold();
        TestStream old = stream("a").score(1, 1, 2, 3);
        await().until(() -> teacher("a 1").batches().size() == 1);
        assertThatThrownBy(() -> server.apply(
                        List.of(entry("a", "1", Optional.empty(), most), entry("b", "1", Optional.empty(), most))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("weights " + Math.round(2.0 * (left / 5 * 3) / (1 << 20)));
        String unused = server.apply(List.of(entry("a", "2", Optional.empty(), most)));
        await().until(() -> states().equals(List.of("a draining")));
        assertThat(loaded).doesNotContainKey("a 2");
        assertThat(stream("a").awaitEnd().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        teacher("a 1").allowAll();
        assertThat(old.awaitEnd().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        await().until(() -> states().equals(List.of("a serving")));
        stream("a").score(1, 1, 2, 3).awaitDone(1);
        assertThat(teacher("a 2").closed()).isFalse();
    }

    @Test
    void file_thatIsWrong_isRefusedWholeAndTheOldStays() throws Exception {
        Path list = Files.writeString(directory.resolve("teachers"), "a");
        WatchedFiles<List<TeacherEntry>> watched = WatchedFiles.open(List.of(list), () -> {
            String text = Files.readString(list);
            if (text.contains("?")) {
                throw new IllegalArgumentException(list + ": unknown key ? (expected: name?)");
            }
            return Arrays.stream(text.split(" ")).map(name -> entry(name, "1")).toList();
        });
        server = TeacherServer.follow(watched, TeacherServerOptions.builder().build());
        Files.writeString(list, "a b ?");
        await().until(() -> log.lines().stream()
                .anyMatch(line -> line.equals("the list of teachers changed and cannot be used: " + list
                        + ": unknown key ? (expected: name?); all stay as they were")));
        Files.writeString(list, "a b b");
        await().until(() ->
                log.lines().stream().anyMatch(line -> line.contains("teachers: [a, b, b] (expected: distinct names)")));
        assertThat(server.registry()
                        .get("lyne.teacher.config.refusals")
                        .counter()
                        .count())
                .isEqualTo(2);
        assertThat(server.teacherNames()).containsExactly("a");
        assertThat(listed(channel())).containsExactly("a");
        Files.writeString(list, "b c");
        await().until(() -> server.teacherNames().equals(List.of("b", "c")));
        await().until(() -> teacher("a 1").closed());
    }

    /** A model's directory on a file system that does not answer. */
    @Test
    void file_whoseReadHangs_holdsUpNothingElse() throws Exception {
        AccessToken alices = AccessToken.random("alice", new SecureRandom());
        Path tokens = Files.writeString(
                directory.resolve("tokens"),
                "lyne-access 1\ntoken alice sha256:" + HexFormat.of().formatHex(alices.digest()) + "\n");
        CountDownLatch held = new CountDownLatch(1);
        CountDownLatch hangs = new CountDownLatch(1);
        Path list = Files.writeString(directory.resolve("teachers"), "a");
        WatchedFiles<List<TeacherEntry>> watched = WatchedFiles.open(List.of(list), () -> {
            String text = Files.readString(list);
            if (text.contains("b")) {
                hangs.countDown();
                try {
                    held.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }
            return Arrays.stream(text.split(" ")).map(name -> entry(name, "1")).toList();
        });
        server = TeacherServer.follow(
                watched,
                TeacherServerOptions.builder()
                        .security(new ServerSecurity(Optional.empty(), Optional.of(tokens), false))
                        .build());
        Metadata headers = new Metadata();
        headers.put(AccessTokens.HEADER, alices.headerValue());
        TestStream stream = TestStream.reading(
                        ClientInterceptors.intercept(channel(), MetadataUtils.newAttachHeadersInterceptor(headers)))
                .open(4)
                .score(1, 1, 2, 3);
        stream.awaitDone(1);
        Files.writeString(list, "a b");
        hangs.await();
        Files.writeString(tokens, "lyne-access 1\n");
        assertThat(stream.awaitEnd().getCode()).isEqualTo(Status.Code.UNAUTHENTICATED);
        held.countDown();
        await().until(() -> server.teacherNames().equals(List.of("a", "b")));
    }

    @Test
    void permissions_holdForEachTeacherAsTheyComeAndGo() throws Exception {
        AccessToken alices = AccessToken.random("alice", new SecureRandom());
        Path tokens = Files.writeString(
                directory.resolve("tokens"),
                "lyne-access 1\ntoken alice sha256:" + HexFormat.of().formatHex(alices.digest()) + " teachers=a,c\n");
        serve(
                options -> options.security(new ServerSecurity(Optional.empty(), Optional.of(tokens), false)),
                entry("a", "1"),
                entry("b", "1"));
        Metadata headers = new Metadata();
        headers.put(AccessTokens.HEADER, alices.headerValue());
        Channel alice = ClientInterceptors.intercept(channel(), MetadataUtils.newAttachHeadersInterceptor(headers));
        assertThat(listed(alice)).containsExactly("a");
        assertThat(TestStream.reading(alice).open(asking("b")).awaitEnd().getCode())
                .isEqualTo(Status.Code.PERMISSION_DENIED);
        String unused = server.apply(List.of(entry("b", "1"), entry("c", "1")));
        await().until(() -> states().equals(List.of("b serving", "c serving")));
        assertThat(listed(alice)).containsExactly("c");
        assertThat(TestStream.reading(alice).open(asking("a")).awaitEnd().getCode())
                .isEqualTo(Status.Code.UNAVAILABLE);
        String none = server.apply(List.of(entry("c", "1")));
        assertThat(none).contains("draining [b]");
        await().until(() -> states().equals(List.of("c serving")));
        assertThat(TestStream.reading(alice).open(asking("b")).awaitEnd().getCode())
                .as("whether it was there is not told to who may not ask it")
                .isEqualTo(Status.Code.PERMISSION_DENIED);
        TestStream.reading(alice).open(asking("c")).score(1, 1, 2, 3).awaitDone(1);
    }

    @Test
    void cache_ofOneTeacher_isNotEvictedByAnothers() throws Exception {
        long total = 1 << 20;
        serve(
                options -> options.memoryCacheBytes(total),
                entry("small", "1", Optional.of(128L << 10), TeacherEntry.Memory.NONE),
                entry("busy", "1"));
        TestStream small = stream("small").score(1, 1, 2, 3).awaitDone(1);
        TestStream busy = stream("busy");
        for (int id = 0; id < 400; id++) {
            int[] tokens = new int[200];
            tokens[0] = id;
            busy.score(id, tokens);
            if (id % 50 == 49) {
                busy.awaitDone(id);
            }
        }
        assertThat(held("busy")).isBetween((double) total / 2, (double) total - (128 << 10));
        small.score(2, 1, 2, 3).awaitDone(2);
        assertThat(teacher("small 1").sequencesScored())
                .as("the second was held")
                .isEqualTo(1);
        assertThat(limit("small")).isEqualTo(128 << 10);
        assertThat(limit("busy")).isEqualTo((double) total - (128 << 10));
        assertThatThrownBy(() -> server.apply(List.of(
                        entry("small", "1", Optional.of(total), TeacherEntry.Memory.NONE),
                        entry("busy", "1", Optional.of(1L << 20), TeacherEntry.Memory.NONE))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("teachers: shares of the memory cache of 1 + 1 MiB (expected: at most --cache-mib=1)");
        String unused =
                server.apply(List.of(entry("small", "1"), entry("busy", "1"), entry("new", "1"), entry("newer", "1")));
        await().until(() -> server.teacherNames().size() == 4);
        assertThat(Stream.of("small", "busy", "new", "newer").map(this::limit)).containsOnly((double) total / 4);
        await().until(() -> held("busy") <= (double) total / 4);
    }

    private double held(String teacher) {
        return server.registry()
                .get("lyne.teacher.cache.bytes")
                .tag("teacher", teacher)
                .gauge()
                .value();
    }

    private double limit(String teacher) {
        return server.registry()
                .get("lyne.teacher.cache.limit.bytes")
                .tag("teacher", teacher)
                .gauge()
                .value();
    }

    @Test
    void http_ofATeacherThatIsTakenAway_isAnsweredFirst() throws Exception {
        serve(options -> options, entry("a", "1"), entry("b", "1"));
        teacher("b 1").hold();
        HttpRequest request = HttpRequest.newBuilder(
                        URI.create("http://127.0.0.1:" + server.httpPort().orElseThrow() + "/v1/completions"))
                .POST(HttpRequest.BodyPublishers.ofString(
                        "{\"model\": \"b\", \"prompt\": [1,2,3], \"max_tokens\": 0, \"prompt_logprobs\": 2}"))
                .build();
        var answer = HttpClient.newHttpClient().sendAsync(request, HttpResponse.BodyHandlers.ofString());
        await().until(() -> teacher("b 1").batches().size() == 1);
        String unused = server.apply(List.of(entry("a", "1")));
        await().until(() -> states().contains("b draining"));
        HttpResponse<String> late = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        assertThat(late.statusCode()).isEqualTo(503);
        assertThat(late.body()).contains("model: b: goes away (expected: another server, or this one later)");
        assertThat(answer).isNotDone();
        teacher("b 1").allowAll();
        assertThat(answer.get().statusCode()).isEqualTo(200);
        await().until(() -> states().equals(List.of("a serving")));
    }

    @Test
    void getTeacher_byNoName_isTheOnlyOneAndElseAsksWhich() throws Exception {
        serve(options -> options, entry("a", "1"), entry("b", "1"));
        var service = TeacherServiceGrpc.newBlockingStub(channel());
        assertThatThrownBy(() -> service.getTeacher(GetTeacherRequest.getDefaultInstance()))
                .hasMessageContaining("teacher: empty (expected: one of [a, b])");
        String unused = server.apply(List.of(entry("b", "1")));
        await().until(() -> server.teacherNames().equals(List.of("b")));
        assertThat(service.getTeacher(GetTeacherRequest.getDefaultInstance())
                        .getTeacher()
                        .getName())
                .isEqualTo("b");
    }
}
