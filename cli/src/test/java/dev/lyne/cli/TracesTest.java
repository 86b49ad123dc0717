package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.ByteString;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.lyne.load.process.ChildProcess;
import io.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
import io.opentelemetry.proto.collector.trace.v1.ExportTraceServiceResponse;
import io.opentelemetry.proto.common.v1.KeyValue;
import io.opentelemetry.proto.trace.v1.ResourceSpans;
import io.opentelemetry.proto.trace.v1.Span;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Traces of a student and a server, each a process of its own: what they tell a receiver of OTLP about the sequences
 * between them.
 */
final class TracesTest {
    private static final List<String> PHASES =
            List.of("lyne.admission", "lyne.lookup", "lyne.queue", "lyne.compute", "lyne.encode", "lyne.send");

    private static final String CALL = "lyne.v1.TeacherService/ScoreSequences";

    @TempDir
    Path directory;

    /** A span, and the service that it is of. */
    private record Told(String service, Span span) {
        ByteString id() {
            return span.getSpanId();
        }

        String attribute(String key) {
            return span.getAttributesList().stream()
                    .filter(attribute -> attribute.getKey().equals(key))
                    .map(attribute -> attribute.getValue().getStringValue())
                    .findFirst()
                    .orElse("");
        }
    }

    /** A receiver of OTLP over HTTP on loopback. */
    private static final class Receiver implements AutoCloseable {
        private final HttpServer server;
        private final List<Told> told = new CopyOnWriteArrayList<>();
        private final List<String> faults = new CopyOnWriteArrayList<>();

        Receiver() throws IOException {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            server.createContext("/", this::take);
            server.start();
        }

        private void take(HttpExchange exchange) throws IOException {
            try (exchange) {
                if (!exchange.getRequestURI().getPath().equals("/v1/traces")) {
                    faults.add("path " + exchange.getRequestURI());
                }
                boolean zipped = "gzip".equals(exchange.getRequestHeaders().getFirst("Content-Encoding"));
                InputStream body = zipped ? new GZIPInputStream(exchange.getRequestBody()) : exchange.getRequestBody();
                for (ResourceSpans spans :
                        ExportTraceServiceRequest.parseFrom(body).getResourceSpansList()) {
                    String service = spans.getResource().getAttributesList().stream()
                            .filter(attribute -> attribute.getKey().equals("service.name"))
                            .map(KeyValue::getValue)
                            .map(value -> value.getStringValue())
                            .findFirst()
                            .orElse("none");
                    spans.getScopeSpansList()
                            .forEach(scope -> scope.getSpansList().forEach(span -> told.add(new Told(service, span))));
                }
                byte[] answer = ExportTraceServiceResponse.getDefaultInstance().toByteArray();
                exchange.getResponseHeaders().add("Content-Type", "application/x-protobuf");
                exchange.sendResponseHeaders(200, answer.length == 0 ? -1 : answer.length);
            }
        }

        String endpoint() {
            return "http://127.0.0.1:" + server.getAddress().getPort();
        }

        List<Told> named(String service, String name) {
            return told.stream()
                    .filter(span -> span.service().equals(service)
                            && span.span().getName().equals(name))
                    .toList();
        }

        @Override
        public void close() {
            server.stop(0);
        }
    }

    private static Map<ByteString, Told> byId(List<Told> spans) {
        return spans.stream().collect(Collectors.toMap(Told::id, Function.identity()));
    }

    @Test
    void aStudentAndAServer_tellOneTraceOfEachSequence() throws Exception {
        TinyTraining tiny = new TinyTraining(directory);
        try (Receiver receiver = new Receiver()) {
            // The server records none by itself: what the student began decides.
            try (ChildProcess server = tiny.serve(
                            "traced-server",
                            List.of(
                                    "--teacher",
                                    tiny.teacher().toString(),
                                    "--trace-endpoint",
                                    receiver.endpoint(),
                                    "--trace-sample",
                                    "0"));
                    ChildProcess student = tiny.train(
                            "traced",
                            0,
                            List.of("--top-k", "16", "--trace-endpoint", receiver.endpoint(), "--trace-sample", "1"))) {
                student.awaitSuccess();
                assertThat(server.isAlive()).isTrue();
                int targets = receiver.named("lyne-student", "lyne.target").size();
                assertThat(targets).isPositive();
                await().atMost(Duration.ofMinutes(1))
                        .until(() ->
                                receiver.named("lyne-teacher", "lyne.sequence").size() >= targets);
                await().atMost(Duration.ofMinutes(1))
                        .until(() -> receiver.named("lyne-teacher", "lyne.send").size() >= targets
                                && receiver.named("lyne-teacher", CALL).size() > 0);
            }
            assertThat(receiver.faults).isEmpty();
            assertOneTrace(receiver);
            assertCalls(receiver);
            assertBatches(receiver);
        }
    }

    private static Told parent(Told child, Map<ByteString, Told> among) {
        return Optional.ofNullable(among.get(child.span().getParentSpanId()))
                .orElseThrow(() -> new AssertionError(child + " has no parent among " + among.size() + " spans"));
    }

    private static void assertOneTrace(Receiver receiver) {
        Map<ByteString, Told> targets = byId(receiver.named("lyne-student", "lyne.target"));
        Map<ByteString, Told> asks = byId(receiver.named("lyne-student", "lyne.ask"));
        List<Told> sequences = receiver.named("lyne-teacher", "lyne.sequence");
        assertThat(targets.values())
                .allMatch(target -> target.span().getParentSpanId().isEmpty());
        assertThat(targets.values().stream()
                        .map(target -> target.span().getTraceId())
                        .distinct())
                .as("a trace each")
                .hasSameSizeAs(targets.values());
        assertThat(asks.values()).hasSameSizeAs(targets.values()).allSatisfy(ask -> {
            Told target = parent(ask, targets);
            assertThat(ask.span().getTraceId()).isEqualTo(target.span().getTraceId());
            assertThat(ask.span().getKind()).isEqualTo(Span.SpanKind.SPAN_KIND_CLIENT);
            assertThat(ask.attribute("server.address")).startsWith("127.0.0.1:");
        });
        assertThat(sequences).hasSameSizeAs(targets.values()).allSatisfy(sequence -> {
            Told ask = parent(sequence, asks);
            assertThat(sequence.span().getTraceId()).isEqualTo(ask.span().getTraceId());
            assertThat(sequence.span().getKind()).isEqualTo(Span.SpanKind.SPAN_KIND_SERVER);
            assertThat(sequence.attribute("lyne.source")).isIn("computed", "coalesced", "memory");
            List<String> within = PHASES.stream()
                    .flatMap(phase -> receiver.named("lyne-teacher", phase).stream())
                    .filter(phase -> phase.span().getParentSpanId().equals(sequence.id()))
                    .sorted(Comparator.comparingLong(phase -> phase.span().getStartTimeUnixNano()))
                    .map(phase -> phase.span().getName())
                    .toList();
            assertThat(within)
                    .isEqualTo(
                            sequence.attribute("lyne.source").equals("memory")
                                    ? List.of("lyne.admission", "lyne.lookup", "lyne.send")
                                    : PHASES);
        });
    }

    private static void assertCalls(Receiver receiver) {
        Map<ByteString, Told> asked = byId(receiver.named("lyne-student", CALL));
        List<Told> served = receiver.named("lyne-teacher", CALL);
        assertThat(served).isNotEmpty().allSatisfy(call -> {
            Told of = parent(call, asked);
            assertThat(call.span().getTraceId()).isEqualTo(of.span().getTraceId());
            assertThat(call.attribute("lyne.student")).isEqualTo("traced");
        });
        Map<ByteString, Told> calls = byId(served);
        assertThat(receiver.named("lyne-teacher", "lyne.sequence"))
                .allSatisfy(sequence -> assertThat(calls)
                        .containsKey(sequence.span().getLinks(0).getSpanId()));
    }

    private static void assertBatches(Receiver receiver) {
        Map<ByteString, Told> computes = byId(receiver.named("lyne-teacher", "lyne.compute"));
        Map<ByteString, Told> batches = byId(receiver.named("lyne-teacher", "lyne.batch"));
        assertThat(batches.values()).isNotEmpty().allSatisfy(batch -> {
            assertThat(batch.span().getParentSpanId().isEmpty()).isTrue();
            assertThat(batch.attribute("lyne.device")).isEqualTo("cpu");
            assertThat(batch.span().getLinksList())
                    .isNotEmpty()
                    .allSatisfy(link -> assertThat(computes).containsKey(link.getSpanId()));
        });
        assertThat(computes.values())
                .allSatisfy(compute -> assertThat(batches)
                        .containsKey(compute.span().getLinks(0).getSpanId()));
    }

    @Test
    void anEndpointThatIsNone_isWrongUsage() {
        for (String endpoint : List.of("127.0.0.1:4318", "grpc://127.0.0.1:4317", "http://127.0.0.1:4318/v1/traces")) {
            assertThat(Lyne.commandLine().execute("serve", "--teacher", "synthetic:", "--trace-endpoint", endpoint))
                    .as(endpoint)
                    .isEqualTo(2);
        }
        assertThat(Lyne.commandLine()
                        .execute(
                                "serve",
                                "--teacher",
                                "synthetic:",
                                "--trace-endpoint",
                                "http://127.0.0.1:1",
                                "--trace-sample",
                                "2"))
                .isEqualTo(2);
    }
}
