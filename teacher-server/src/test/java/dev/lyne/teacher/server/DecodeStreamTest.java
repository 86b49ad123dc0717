package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.awaitility.Awaitility.await;

import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.access.ServerSecurity;
import dev.lyne.teacher.decode.FakeDecoder;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.model.LocalDecoder;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.v1.DecodeRequest;
import dev.lyne.v1.DecodeResponse;
import dev.lyne.v1.DecodeSequence;
import dev.lyne.v1.DecodedTokens;
import dev.lyne.v1.OpenDecode;
import dev.lyne.v1.StartSequences;
import dev.lyne.v1.StepSequences;
import dev.lyne.v1.TeacherServiceGrpc;
import dev.lyne.wire.Digests;
import dev.lyne.wire.access.AccessToken;
import dev.lyne.wire.access.AccessTokens;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.sdk.trace.data.SpanData;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A bare Decode call, message by message. */
final class DecodeStreamTest {
    /** A teacher without a model that decodes. */
    private record Decoding(FakeTeacher teacher, FakeDecoder fake) implements LocalModel {
        @Override
        public TeacherDescription description() {
            return teacher.description();
        }

        @Override
        public void warmUp() {
            teacher.warmUp();
        }

        @Override
        public List<ScoreOutcome> score(List<ScoreItem> items, RowContent content) {
            return teacher.score(items, content);
        }

        @Override
        public Optional<LocalDecoder> decoder(long maxCacheBytes) {
            return Optional.of(fake);
        }

        @Override
        public void close() {
            teacher.close();
        }
    }

    /** Messages and end of a call. */
    private static final class Received implements StreamObserver<DecodeResponse> {
        private final List<DecodeResponse> messages = new CopyOnWriteArrayList<>();
        private volatile Optional<Status> end = Optional.empty();

        @Override
        public void onNext(DecodeResponse response) {
            messages.add(response);
        }

        @Override
        public void onError(Throwable failure) {
            end = Optional.of(Status.fromThrowable(failure));
        }

        @Override
        public void onCompleted() {
            end = Optional.of(Status.OK);
        }

        DecodeResponse await(int number) {
            Awaitility.await().until(() -> messages.size() > number);
            return messages.get(number);
        }

        Status awaitEnd() {
            Awaitility.await().until(() -> end.isPresent());
            return end.orElseThrow();
        }
    }

    private interface Check {
        void with(TeacherServer server, Received received, StreamObserver<DecodeRequest> requests) throws Exception;
    }

    private static void call(Check check) throws Exception {
        call(options -> options, check);
    }

    private static void call(UnaryOperator<TeacherServerOptions.Builder> options, Check check) throws Exception {
        call(options, new Metadata(), check);
    }

    private static void call(UnaryOperator<TeacherServerOptions.Builder> options, Metadata headers, Check check)
            throws Exception {
        FakeTeacher teacher = new FakeTeacher("fake", FakeDecoder.VOCABULARY, 64);
        TeacherServer server = TeacherServer.start(
                List.of(new Decoding(teacher, new FakeDecoder(1 << 20))),
                options.apply(TeacherServerOptions.builder()
                                .metrics(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)))
                        .build());
        ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port())
                .usePlaintext()
                .build();
        try (server) {
            Received received = new Received();
            Channel calling = ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(headers));
            check.with(server, received, TeacherServiceGrpc.newStub(calling).decode(received));
        } finally {
            channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
        }
    }

    private static DecodeRequest open() {
        return DecodeRequest.newBuilder()
                .setOpen(OpenDecode.newBuilder().setSeed(5))
                .build();
    }

    private static DecodeSequence.Builder sequence(int number, int draws, int... tokens) {
        DecodeSequence.Builder sequence = DecodeSequence.newBuilder()
                .setSequence(number)
                .setKey(number)
                .setDraws(draws)
                .setTokenIdsCrc32C(Digests.tokenChecksum(tokens));
        for (int id : tokens) {
            sequence.addTokenIds(id);
        }
        return sequence;
    }

    private static DecodeRequest start(DecodeSequence.Builder... sequences) {
        StartSequences.Builder start = StartSequences.newBuilder();
        for (DecodeSequence.Builder sequence : sequences) {
            start.addSequences(sequence);
        }
        return DecodeRequest.newBuilder().setStart(start).build();
    }

    private static DecodeRequest step(StepSequences.Builder step) {
        return DecodeRequest.newBuilder().setStep(step).build();
    }

    @Test
    void session_ofATokenTakenOut_endsWithinSeconds(@TempDir Path directory) throws Exception {
        AccessToken alices = AccessToken.random("alice", new SecureRandom());
        Path tokens = Files.writeString(
                directory.resolve("tokens"),
                "lyne-access 1\ntoken alice sha256:" + HexFormat.of().formatHex(alices.digest()) + "\n");
        Metadata headers = new Metadata();
        headers.put(AccessTokens.HEADER, alices.headerValue());
        call(
                options -> options.security(new ServerSecurity(Optional.empty(), Optional.of(tokens), false)),
                headers,
                (server, received, requests) -> {
                    requests.onNext(open());
                    requests.onNext(start(sequence(3, 2, 1, 2)));
                    received.await(1);
                    Files.writeString(tokens, "lyne-access 1\n");
                    assertThat(received.awaitEnd().getCode()).isEqualTo(Status.Code.UNAUTHENTICATED);
                    assertThat(received.awaitEnd().getDescription()).contains("a token that this server does not know");
                    await().until(() -> status(server).contains("\"sessions\":[]"));
                });
    }

    /** A second one of a number would fail, and its failure be taken for the first one's. */
    @Test
    void start_oneNumberTwice_endsTheCall() throws Exception {
        DecodeSequence.Builder good = sequence(3, 2, 1, 2);
        DecodeSequence.Builder wrong = sequence(3, 2, 1, 2).setTokenIdsCrc32C(7);
        call((server, received, requests) -> {
            requests.onNext(open());
            requests.onNext(start(good, wrong));
            assertThat(received.awaitEnd().getDescription()).contains("start.sequence: 3 twice in one message");
        });
        call((server, received, requests) -> {
            requests.onNext(open());
            requests.onNext(start(good));
            requests.onNext(start(wrong));
            assertThat(received.awaitEnd().getDescription())
                    .contains("start.sequence: 3 (expected: a number that is free)");
        });
    }

    /** One text is ended, one fails, and one is left when the session ends. */
    @Test
    void texts_haveSpansWithALinkToTheCall() throws Exception {
        RecordedSpans spans = new RecordedSpans();
        call(options -> options.telemetry(spans.telemetry()), (server, received, requests) -> {
            requests.onNext(open());
            requests.onNext(start(
                    sequence(3, 2, 1, 2), sequence(4, 1, 1), sequence(5, 1, 1).setTokenIdsCrc32C(7)));
            await().until(() -> received.messages.stream()
                            .mapToInt(message -> message.getDecoded().getDrawnTokenIdsCount())
                            .sum()
                    == 3);
            requests.onNext(step(StepSequences.newBuilder().addEnded(3)));
            await().until(() -> spans.named("lyne.text").size() == 1);
            requests.onNext(step(StepSequences.newBuilder()
                    .addSequences(4)
                    .addTakenTokenIds(1)
                    .addTakenCounts(1)
                    .setTakenTokenIdsCrc32C(Digests.tokenChecksum(new int[] {1}))
                    .addDraws(64)));
            await().until(() -> spans.named("lyne.text").size() == 2);
            requests.onNext(start(sequence(6, 1, 1, 2, 3)));
            await().until(() -> received.messages.stream()
                            .mapToInt(message -> message.getDecoded().getDrawnTokenIdsCount())
                            .sum()
                    == 4);
            requests.onCompleted();
            assertThat(received.awaitEnd()).isEqualTo(Status.OK);
        });
        await().until(() -> spans.named("lyne.v1.TeacherService/Decode").size() == 1);
        SpanData call = spans.named("lyne.v1.TeacherService/Decode").get(0);
        assertThat(call.getAttributes().get(AttributeKey.stringKey("lyne.teacher")))
                .isEqualTo("fake");
        assertThat(spans.named("lyne.text"))
                .extracting(
                        span -> span.getAttributes().get(AttributeKey.longKey("lyne.text")),
                        span -> span.getAttributes().get(AttributeKey.longKey("lyne.tokens")),
                        span -> span.getAttributes().get(AttributeKey.longKey("lyne.drawn")),
                        span -> span.getStatus().getStatusCode())
                .containsExactly(
                        tuple(3L, 2L, 2L, StatusCode.UNSET),
                        tuple(4L, 1L, 1L, StatusCode.ERROR),
                        tuple(6L, 3L, 1L, StatusCode.UNSET));
        assertThat(spans.named("lyne.text"))
                .allSatisfy(text ->
                        assertThat(text.getLinks().get(0).getSpanContext()).isEqualTo(call.getSpanContext()));
    }

    @Test
    void session_thatIsOpen_isOnTheStatusPage() throws Exception {
        call((server, received, requests) -> {
            requests.onNext(open());
            requests.onNext(start(sequence(3, 1, 1, 2)));
            assertThat(received.await(1).getDecoded().getDrawnTokenIdsCount()).isEqualTo(1);
            assertThat(status(server))
                    .contains(
                            "\"sessions\":[{\"stream\":1,\"tenant\":\"anybody\",\"student\":\"\",\"teacher\":\"fake\","
                                    + "\"priority\":\"training\",\"waits_for\":\"student\",\"texts\":1,\"drawn\":1,\"taken\":0,"
                                    + "\"failures\":0,");
            requests.onCompleted();
            assertThat(received.awaitEnd()).isEqualTo(Status.OK);
            await().until(() -> status(server).contains("\"sessions\":[]"));
        });
    }

    /** Many sessions at a time share a line a second: there is one of each kind in the end. */
    @Test
    void session_hasALineAsItOpensAndAsItEnds_withTotals() throws Exception {
        String opened = "session opened: stream=1 tenant=anybody student=tiny teacher=fake class=training"
                + " temperature=1[.]0 top_p=1[.]0.*";
        String ended =
                "session ended: stream=1 tenant=anybody student=tiny seconds=[0-9.E-]+ reason=done texts=2 drawn=3 taken=0"
                        + " bytes=[1-9][0-9]* failures=1 unended=0.*";
        try (CapturedLog log = new CapturedLog()) {
            await().until(() -> {
                call(DecodeStreamTest::drawThree);
                return Stream.of(opened, ended)
                        .allMatch(line -> log.lines().stream().anyMatch(said -> said.matches(line)));
            });
        }
    }

    private static void drawThree(TeacherServer server, Received received, StreamObserver<DecodeRequest> requests) {
        requests.onNext(DecodeRequest.newBuilder()
                .setOpen(OpenDecode.newBuilder().setSeed(5).setStudent("tiny"))
                .build());
        requests.onNext(
                start(sequence(3, 2, 1, 2), sequence(4, 1, 1), sequence(5, 1, 1).setTokenIdsCrc32C(7)));
        await().until(() -> received.messages.stream()
                        .mapToInt(message -> message.getDecoded().getDrawnTokenIdsCount())
                        .sum()
                == 3);
        requests.onNext(step(StepSequences.newBuilder().addEnded(4)));
        requests.onCompleted();
        assertThat(received.awaitEnd()).isEqualTo(Status.OK);
    }

    /** A teacher that goes away gives what is owed; nothing new begins. */
    @Test
    void session_ofATeacherThatGoesAway_isSentElsewhere() throws Exception {
        call((server, received, requests) -> {
            requests.onNext(open());
            requests.onNext(start(sequence(3, 1, 1, 2)));
            assertThat(received.await(1).getDecoded().getDrawnTokenIdsCount()).isEqualTo(1);
            FakeTeacher other = new FakeTeacher("other", FakeDecoder.VOCABULARY, 64);
            String unused = server.apply(List.of(TeacherEntry.of(new OpenedTeacher.Local(other), 0)));
            Status end = received.awaitEnd();
            assertThat(end.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
            assertThat(end.getDescription())
                    .isEqualTo("teacher: fake, which goes away (expected: another server, or this one later)");
        });
    }

    private static String status(TeacherServer server) throws Exception {
        return HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create("http://127.0.0.1:"
                                        + server.metricsPort().orElseThrow() + "/status.json"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString())
                .body();
    }

    @Test
    void session_opensDrawsEndsAndCompletes() throws Exception {
        call((server, received, requests) -> {
            requests.onNext(open());
            var teacher = received.await(0).getOpened().getTeacher();
            assertThat(teacher.getDecodes()).isTrue();
            assertThat(teacher.getLimits().getMaxDecodeSequences()).isEqualTo(1_024);
            assertThat(teacher.getLimits().getDecodeIdleSeconds()).isEqualTo(300);

            requests.onNext(start(sequence(3, 1, 1, 2)));
            DecodedTokens first = received.await(1).getDecoded();
            assertThat(first.getSequencesList()).containsExactly(3);
            assertThat(first.getDrawnTokenIdsCount()).isEqualTo(1);
            assertThat(first.getTakenCountsCount()
                            + first.getDrawnCountsCount()
                            + first.getProposalLogProbabilitiesCount())
                    .as("columns that say nothing new are left out")
                    .isZero();

            requests.onNext(step(StepSequences.newBuilder()
                    .addSequences(3)
                    .addTakenCounts(1)
                    .addTakenTokenIds(9)
                    .setTakenTokenIdsCrc32C(Digests.tokenChecksum(new int[] {9}))
                    .addDraws(0)
                    .addEnded(3)));
            DecodedTokens last = received.await(2).getDecoded();
            assertThat(last.getTakenCountsList()).containsExactly(1);
            assertThat(last.getDrawnCountsList()).containsExactly(0);
            assertThat(last.getLogProbabilitiesList()).containsExactly((float)
                    FakeDecoder.logProbability(new int[] {1, 2, first.getDrawnTokenIds(0)}, 9));
            assertThat(last.getEndedList()).containsExactly(3);

            requests.onNext(start(sequence(3, 20, 4)));
            requests.onCompleted();
            assertThat(received.awaitEnd()).isEqualTo(Status.OK);
            assertThat(received.messages.stream()
                            .skip(3)
                            .mapToInt(message -> message.getDecoded().getDrawnTokenIdsCount())
                            .sum())
                    .as("what was owed came first")
                    .isEqualTo(20);
            await().until(() -> server.registry()
                            .get("lyne.teacher.decode.sessions")
                            .gauge()
                            .value()
                    == 0);
        });
    }

    @Test
    void badSequence_failsAlone() throws Exception {
        call((server, received, requests) -> {
            requests.onNext(open());
            requests.onNext(start(sequence(0, 1, 1).setTokenIdsCrc32C(1), sequence(1, 1, 1)));
            DecodeResponse failed = received.await(1).hasFailed() ? received.await(1) : received.await(2);
            assertThat(failed.getFailed().getStatus().getCode()).isEqualTo(Status.Code.DATA_LOSS.value());
            await().until(() -> received.messages.stream().anyMatch(DecodeResponse::hasDecoded));
            assertThat(received.end).isEmpty();
        });
    }

    @Test
    void messagesOutOfOrder_endTheCall() throws Exception {
        call((server, received, requests) -> {
            requests.onNext(start(sequence(0, 1, 1)));
            Status end = received.awaitEnd();
            assertThat(end.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
            assertThat(end.getDescription()).isEqualTo("message: START (expected: open first)");
        });
        call((server, received, requests) -> {
            requests.onNext(open());
            requests.onNext(open());
            assertThat(received.awaitEnd().getDescription()).startsWith("message: a second open");
        });
        call((server, received, requests) -> {
            requests.onNext(open());
            requests.onNext(step(StepSequences.newBuilder().addSequences(8)));
            assertThat(received.awaitEnd().getDescription())
                    .isEqualTo("step.sequences: 8 (expected: one that was started and not ended)");
            await().until(() -> server.registry()
                            .get("lyne.teacher.decode.sessions")
                            .gauge()
                            .value()
                    == 0);
        });
        call((server, received, requests) -> {
            requests.onCompleted();
            assertThat(received.awaitEnd().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        });
    }
}
