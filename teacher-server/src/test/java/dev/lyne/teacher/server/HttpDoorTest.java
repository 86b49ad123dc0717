package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.row.Precision;
import dev.lyne.teacher.access.ServerSecurity;
import dev.lyne.teacher.admission.ServerLimits;
import dev.lyne.teacher.model.LanguageModelTeacher;
import dev.lyne.teacher.synthetic.SyntheticSettings;
import dev.lyne.teacher.synthetic.SyntheticTeacher;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.TargetBlock;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The HTTP door of a server of the demo teacher, against answers that were recorded from vLLM serving the same. */
final class HttpDoorTest {
    private static final String TOKEN = "a-token-of-twenty-characters";
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    @TempDir
    private static Path directory;

    private static TeacherServer server;

    @BeforeAll
    static void start() throws Exception {
        Path tokens = Files.writeString(directory.resolve("tokens"), "trainer " + TOKEN + "\n");
        server = TeacherServer.start(
                List.of(LanguageModelTeacher.load(
                        "demo",
                        Path.of("../examples/state-of-the-union/teacher"),
                        new ModelOptions("cpu", ComputePrecision.FLOAT32, 1),
                        false)),
                TeacherServerOptions.builder()
                        .security(new ServerSecurity(Optional.empty(), Optional.of(tokens), false))
                        .http(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                        .build());
    }

    @AfterAll
    static void stop() throws Exception {
        server.close();
    }

    private static HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(
                        URI.create("http://127.0.0.1:" + server.httpPort().orElseThrow() + path))
                .header("authorization", "Bearer " + TOKEN);
    }

    private static HttpResponse<byte[]> send(HttpRequest request) throws Exception {
        return CLIENT.send(request, HttpResponse.BodyHandlers.ofByteArray());
    }

    private static HttpResponse<byte[]> post(String path, String body, String... headers) throws Exception {
        HttpRequest.Builder request = request(path).POST(HttpRequest.BodyPublishers.ofString(body));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return send(request.build());
    }

    private static JsonNode completed(String body) throws Exception {
        HttpResponse<byte[]> response = post("/v1/completions", body);
        assertThat(response.statusCode())
                .as(new String(response.body(), StandardCharsets.UTF_8))
                .isEqualTo(200);
        return JsonMapper.shared().readTree(response.body());
    }

    private static JsonNode recorded(String name) throws IOException {
        try (InputStream file = Objects.requireNonNull(
                HttpDoorTest.class.getResourceAsStream("/dev/lyne/teacher/http/" + name), name)) {
            return JsonMapper.shared().readTree(file.readAllBytes());
        }
    }

    private static double computed() {
        return server.registry().get("lyne.teacher.cache.misses").counter().count();
    }

    /** Same keys in the same order, same text and numbers, but for what is the server's own; ranks as documented. */
    private static void requireSame(String path, JsonNode found, JsonNode expected) {
        if (path.startsWith(".usage") && found.path("completion_tokens").asInt(1) == 0) {
            return; // where no token is wanted, vLLM counts the one that it generates all the same
        }
        if (path.endsWith(".id") || path.endsWith(".created") || path.endsWith(".system_fingerprint")) {
            return;
        }
        if (expected.isObject()) {
            List<String> names = new ArrayList<>();
            found.propertyNames().forEach(names::add);
            List<String> expectedNames = new ArrayList<>();
            expected.propertyNames().forEach(expectedNames::add);
            assertThat(names).as(path).containsExactlyElementsOf(expectedNames);
            for (Map.Entry<String, JsonNode> property : expected.properties()) {
                requireSame(path + "." + property.getKey(), found.path(property.getKey()), property.getValue());
            }
        } else if (expected.isArray()) {
            assertThat(found.size()).as(path).isEqualTo(expected.size());
            for (int i = 0; i < expected.size(); i++) {
                requireSame(path + "[" + i + "]", found.path(i), expected.path(i));
            }
        } else if (path.endsWith(".rank")) {
            int rank = expected.asInt();
            assertThat(found.asInt()).as(path).isBetween(1, rank);
        } else if (expected.isNumber()) {
            assertThat(found.asDouble()).as(path).isCloseTo(expected.asDouble(), within(1e-3));
        } else {
            assertThat(found).as(path).isEqualTo(expected);
        }
    }

    @Test
    void promptLogprobs_haveTheShapeAndNumbersOfVllm() throws Exception {
        JsonNode answer = completed("""
                {"model": "demo", "prompt": [[0,38,69,1064,768],[5,9,300]], "max_tokens": 1, "temperature": 0,
                 "prompt_logprobs": 3, "return_token_ids": true}""");
        requireSame("", answer, recorded("door.json"));
        // Beside the k best the rank is a lower bound, k + 1.
        JsonNode actual =
                answer.path("choices").path(0).path("prompt_logprobs").path(4).path("768");
        assertThat(actual.path("rank").asInt()).isEqualTo(4);
    }

    @Test
    void echoedLogprobs_haveTheShapeAndNumbersOfVllm() throws Exception {
        requireSame("", completed("""
                        {"model": "demo", "prompt": [0,38,69,1064,768], "max_tokens": 0, "echo": true, "temperature": 0,
                         "logprobs": 2}"""), recorded("door-echo.json"));
    }

    /** A prompt that was sent as text is echoed as it was sent, without the token that was put before it. */
    @Test
    void echoedText_withTheGeneratedToken_isThatOfVllm() throws Exception {
        requireSame("", completed("""
                        {"model": "demo", "prompt": "Fellow citizens", "max_tokens": 1, "echo": true, "temperature": 0,
                         "logprobs": 2, "prompt_logprobs": 1}"""), recorded("door-echo1.json"));
    }

    @Test
    void sameRequest_aSecondTime_costsNoForward() throws Exception {
        String body =
                "{\"prompt\": [[7,8,9,10],[11,12,13]], \"max_tokens\": 1, \"temperature\": 0, \"prompt_logprobs\": 5}";
        completed(body);
        double before = computed();
        completed(body);
        assertThat(computed()).isEqualTo(before);
    }

    /** The draw is the distribution's: of many seeds, the share of the best token is near its probability. */
    @Test
    void generatedToken_atTemperatureOne_isDrawnFromTheRow() throws Exception {
        String best = completed("{\"prompt\": [0,38], \"max_tokens\": 1, \"temperature\": 0}")
                .path("choices")
                .path(0)
                .path("text")
                .asString();
        assertThat(best).isEqualTo("e");
        List<String> drawn = new ArrayList<>();
        for (int seed = 0; seed < 200; seed++) {
            drawn.add(completed("{\"prompt\": [0], \"max_tokens\": 1, \"seed\": " + seed + "}")
                    .path("choices")
                    .path(0)
                    .path("text")
                    .asString());
        }
        assertThat(drawn.stream().filter("M"::equals).count()).isBetween(35L, 90L); // 0.30 of 200, three deviations
        assertThat(drawn.stream().distinct().count()).isGreaterThan(4); // of the tail, too
        assertThat(completed("{\"prompt\": [0], \"max_tokens\": 1, \"seed\": 3}")
                        .path("choices")
                        .path(0)
                        .path("text")
                        .asString())
                .isEqualTo(drawn.get(3));
    }

    /** A draw beside the row's entries would be one entry more than the server has. */
    @Test
    void generatedToken_besideAsManyEntriesAsThereMayBe_isOfTheTailToo() throws Exception {
        var teacher = new SyntheticTeacher(
                "ranks", SyntheticSettings.parse("synthetic:vocabulary=50,tokens_per_second=0"), false);
        TeacherServerOptions options = TeacherServerOptions.builder()
                .limits(ServerLimits.DEFAULT.withRows(2, 16, 1 << 20))
                .http(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .build();
        try (TeacherServer narrow = TeacherServer.start(List.of(teacher), options)) {
            HttpResponse<byte[]> response = send(HttpRequest.newBuilder(
                            URI.create("http://127.0.0.1:" + narrow.httpPort().orElseThrow() + "/v1/completions"))
                    .POST(HttpRequest.BodyPublishers.ofString("{\"prompt\": " + Collections.nCopies(200, "[1, 2, 3]")
                            + ", \"max_tokens\": 1, \"prompt_logprobs\": 2, \"return_token_ids\": true}"))
                    .build());
            Set<Integer> drawn = new HashSet<>();
            JsonMapper.shared()
                    .readTree(response.body())
                    .path("choices")
                    .forEach(
                            choice -> drawn.add(choice.path("token_ids").path(0).asInt()));
            assertThat(drawn.size())
                    .as(new String(response.body(), StandardCharsets.UTF_8))
                    .isGreaterThan(2);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "max_tokens | 400 | {\"prompt\": [1,2], \"prompt_logprobs\": 1}",
                "max_tokens | 400 | {\"prompt\": [1,2], \"max_tokens\": 2}",
                "max_tokens | 400 | {\"prompt\": [1,2], \"max_tokens\": 0, \"logprobs\": 1}",
                "max_tokens | 400 | {\"prompt\": [1,2], \"max_tokens\": 0, \"logprobs\": 1, \"prompt_logprobs\": 1}",
                "max_tokens | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"max_new_tokens\": 0}",
                "max_tokens | 400 | {\"prompt\": [1,2], \"max_new_tokens\": 16}",
                "max_tokens | 400 | {\"prompt\": [1,2], \"max_new_tokens\": 1, \"sampling_params\": {\"max_tokens\": 0}}",
                "sampling_params | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"sampling_params\": {\"temperature\": 1}}",
                "sampling_params | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"sampling_params\": 1}",
                "top_logprobs | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"top_logprobs\": 2}",
                "top_logprobs | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"prompt_logprobs\": 1, \"top_logprobs\": 2}",
                "logprobs | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"logprobs\": false}",
                "temperature | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"temperature\": 0.7}",
                "prompt_logprobs | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"prompt_logprobs\": 5000}",
                "top_p | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"top_p\": 0.9}",
                "stream | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"stream\": true}",
                "n | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"n\": 2}",
                "bad_words | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"bad_words\": [\"a\"]}",
                "detokenize | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"detokenize\": false}",
                "logits_processors | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"logits_processors\": [\"a\"]}",
                "response_format | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"response_format\": {\"type\": \"json_object\"}}",
                "response_format | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"response_format\": \"text\"}",
                "allowed_token_ids | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"allowed_token_ids\": []}",
                "truncate_prompt_tokens | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"truncate_prompt_tokens\": -1}",
                "skip_special_tokens | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"skip_special_tokens\": 1}",
                "prompt_logprobs | 400 | {\"prompt\": [1,2], \"max_tokens\": 0, \"format\": \"lyne.block\"}",
                "prompt_logprobs | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"format\": \"lyne.block\"}",
                "row_precision | 400 | {\"prompt\": [1,2], \"max_tokens\": 0, \"prompt_logprobs\": 1, \"row_precision\": \"compact\"}",
                "row_precision | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"prompt_logprobs\": 1, \"format\": \"lyne.block\", \"row_precision\": \"compact\"}",
                "row_precision | 400 | {\"prompt\": [1,2], \"max_tokens\": 0, \"prompt_logprobs\": 1, \"format\": \"lyne.block\", \"row_precision\": \"double\"}",
                "guided_json | 400 | {\"prompt\": [1,2], \"max_tokens\": 1, \"guided_json\": {}}",
                "prompt | 400 | {\"prompt\": [1,99999], \"max_tokens\": 1}",
                "prompt | 400 | {\"prompt\": [], \"max_tokens\": 1}",
                "model | 404 | {\"prompt\": [1], \"max_tokens\": 1, \"model\": \"other\"}",
                "format | 400 | {\"prompt\": [1], \"max_tokens\": 1, \"format\": \"xml\"}",
                "format | 400 | {\"prompt\": [1], \"max_tokens\": 1, \"format\": 5}",
                "model | 400 | {\"prompt\": [1], \"max_tokens\": 1, \"model\": 5}",
                "stop | 400 | {\"prompt\": [1], \"max_tokens\": 1, \"stop\": \"e\"}",
                "stop_token_ids | 400 | {\"prompt\": [1], \"max_tokens\": 1, \"stop_token_ids\": 7}",
                "logit_bias | 400 | {\"prompt\": [1], \"max_tokens\": 1, \"logit_bias\": 5}",
                "min_tokens | 400 | {\"prompt\": [1], \"max_tokens\": 1, \"min_tokens\": 1}",
                "seed | 400 | {\"prompt\": [1], \"max_tokens\": 1, \"seed\": 9223372036854775808}",
                "max_tokens | 400 | {\"prompt\": [1], \"max_tokens\": 10000000000}",
                "top_k | 400 | {\"prompt\": [1], \"max_tokens\": 1, \"top_k\": 1e300}",
                "top_k | 400 | {\"prompt\": [1], \"max_tokens\": 1, \"top_k\": 0.5}",
                "n | 400 | {\"prompt\": [1], \"max_tokens\": 1, \"n\": \"1\"}",
                "temperature | 400 | {\"prompt\": [1], \"max_tokens\": 1, \"temperature\": \"0\"}",
            })
    void request_thatCannotBeMeant_isRefusedNamingTheParameter(String parameter, int status, String body)
            throws Exception {
        HttpResponse<byte[]> response = post("/v1/completions", body);
        JsonNode error = JsonMapper.shared().readTree(response.body()).path("error");
        assertThat(response.statusCode()).isEqualTo(status);
        assertThat(error.path("param").asString()).isEqualTo(parameter);
        assertThat(error.path("code").asInt()).isEqualTo(status);
        assertThat(error.path("message").asString()).contains("(expected: ");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "[1]",
                "7",
                "{\"prompt\": [1], \"prompt\": [2], \"max_tokens\": 0}",
                "{\"prompt\": [1,]}"
            })
    void body_thatIsNoObject_isRefusedInWordsOfTheTextAlone(String body) throws Exception {
        HttpResponse<byte[]> response = post("/v1/completions", body);
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(JsonMapper.shared()
                        .readTree(response.body())
                        .at("/error/message")
                        .asString())
                .startsWith("the body: ")
                .endsWith("(expected: one JSON object)")
                .doesNotContainPattern("Feature|Source|Token|Mapper|tools\\.");
    }

    /** As axolotl sends it. */
    @Test
    void scoredPrompt_withNoTokenAfterIt_isAnswered() throws Exception {
        JsonNode answer =
                completed("{\"prompt\": [[1,2,3]], \"max_tokens\": 0, \"echo\": true, \"prompt_logprobs\": 2}");
        assertThat(answer.at("/choices/0/prompt_logprobs").size()).isEqualTo(3);
    }

    /** As axolotl 0.19 sends it: each number by two names, or by another server's. */
    @Test
    void numbersByOtherNames_areTaken() throws Exception {
        JsonNode answer = completed("""
                {"prompt": [[1,2,3],[4,5]], "echo": true, "logprobs": true, "prompt_logprobs": 2, "top_logprobs": 2, "max_new_tokens": 0,
                 "skip_special_tokens": false, "temperature": 1.0, "sampling_params": {"max_tokens": 0}}""");
        assertThat(answer.at("/choices/0/prompt_logprobs"))
                .isEqualTo(completed("{\"prompt\": [1,2,3], \"max_tokens\": 0, \"prompt_logprobs\": 2}")
                        .at("/choices/0/prompt_logprobs"));
        assertThat(answer.at("/choices/1/logprobs/top_logprobs/1").size()).isBetween(1, 2);
        assertThat(answer.at("/usage/completion_tokens").asInt()).isZero();
    }

    @Test
    void neutralParameters_areAccepted() throws Exception {
        completed("""
                {"prompt": [1,2], "max_tokens": 1, "temperature": 1.0, "top_p": 1.0, "top_k": -1, "n": 1, "stop": [],
                 "stream": false, "presence_penalty": 0.0, "stop_token_ids": [], "logit_bias": {}, "min_tokens": 0, "user": "x", "suffix": null}""");
        // What vLLM's request has beside OpenAI's, as clients state it that state everything.
        completed("""
                {"prompt": [1,2], "max_tokens": 1, "bad_words": [], "logits_processors": [], "detokenize": true,
                 "response_format": {"type": "text"}, "allowed_token_ids": null, "truncate_prompt_tokens": null,
                 "watermarking": false, "kv_transfer_params": {}, "vllm_xargs": {}, "session_id": "s", "skip_special_tokens": true,
                 "thinking_token_budget": -1, "routed_experts_prompt_start": 0, "return_mm_kwargs": true,
                 "spaces_between_special_tokens": true, "return_token_offsets": false, "stream_interval": 1}""");
        completed("{\"prompt\": [1,2], \"max_tokens\": 1, \"logits_processors\": null, \"bad_words\": null}");
    }

    @Test
    void token_isAskedForAsOnGrpc_healthApart() throws Exception {
        URI models = URI.create("http://127.0.0.1:" + server.httpPort().orElseThrow() + "/v1/models");
        assertThat(send(HttpRequest.newBuilder(models).build()).statusCode()).isEqualTo(401);
        assertThat(send(request("/v1/models").build()).statusCode()).isEqualTo(200);
        URI health = URI.create("http://127.0.0.1:" + server.httpPort().orElseThrow() + "/health");
        assertThat(send(HttpRequest.newBuilder(health).build()).statusCode()).isEqualTo(200);
        assertThat(send(request("/nothing").build()).statusCode()).isEqualTo(404);
    }

    /** More than may be gathered of anybody: what is refused was not. */
    @Test
    void body_ofAStranger_isNotGathered() throws Exception {
        HttpRequest request = HttpRequest.newBuilder(
                        URI.create("http://127.0.0.1:" + server.httpPort().orElseThrow() + "/v1/completions"))
                .POST(HttpRequest.BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(new byte[33 << 20])))
                .build();
        assertThat(send(request).statusCode()).isEqualTo(401);
    }

    @ParameterizedTest
    @CsvSource({
        "GET /%zz HTTP/1.1, connection: close, path: /%zz",
        "GET / nothing, x: y, the request is no HTTP",
        "GET / HTTP/1.1, LONG, the request is no HTTP",
    })
    void request_thatIsNoRequest_isRefusedAndTheConnectionEnds(String line, String header, String words)
            throws Exception {
        String second = header.equals("LONG") ? "x: " + "y".repeat(17_000) : header;
        try (Socket socket =
                new Socket(InetAddress.getLoopbackAddress(), server.httpPort().orElseThrow())) {
            socket.setSoTimeout(10_000);
            socket.getOutputStream()
                    .write((line + "\r\nhost: x\r\n" + second + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
            String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(answer).startsWith("HTTP/1.1 400").contains(words);
        }
    }

    @Test
    void echo_ofMoreThanIsWrittenAtOnce_isRefused() throws Exception {
        String ids = IntStream.range(0, 500).mapToObj(Integer::toString).collect(Collectors.joining(","));
        HttpResponse<byte[]> response = post(
                "/v1/completions", "{\"prompt\": [" + ids + "], \"max_tokens\": 0, \"echo\": true, \"logprobs\": 600}");
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(new String(response.body(), StandardCharsets.UTF_8))
                .contains("logprobs: 600 with echo of 500 tokens");
    }

    @Test
    void answer_isCompressedWhereThatIsAccepted() throws Exception {
        String body = "{\"prompt\": [1,2,3,4,5,6,7,8], \"max_tokens\": 1, \"temperature\": 0, \"prompt_logprobs\": 64}";
        byte[] plain = post("/v1/completions", body).body();
        HttpResponse<byte[]> zipped = post("/v1/completions", body, "accept-encoding", "gzip");
        assertThat(zipped.headers().firstValue("content-encoding")).contains("gzip");
        assertThat(zipped.body().length).isLessThan(plain.length / 2);
        JsonNode read = JsonMapper.shared()
                .readTree(new GZIPInputStream(new ByteArrayInputStream(zipped.body())).readAllBytes());
        assertThat(read.path("choices").path(0).path("prompt_logprobs").size()).isEqualTo(8);
        assertThat(post("/v1/completions", body, "accept-encoding", "zstd")
                        .headers()
                        .firstValue("content-encoding"))
                .contains("zstd");
    }

    @Test
    void blocks_areThoseOfTheStream() throws Exception {
        JsonNode answer = completed(
                "{\"prompt\": [0,38,69], \"max_tokens\": 0, \"prompt_logprobs\": 2, \"format\": \"lyne.block\"}");
        byte[] block = Base64.getDecoder()
                .decode(answer.path("choices").path(0).path("blocks").path(0).asString());
        TargetBlock decoded = BlockDecoder.decode(ByteBuffer.wrap(block));
        assertThat(decoded.rows()).isEqualTo(2);
        assertThat(decoded.labelLogProbability()[0]).isCloseTo(-1.39355f, within(1e-3f));
    }

    /** Coded as a stream in that precision has them, and some fifth as long. */
    @ParameterizedTest
    @CsvSource({"half, HALF", "compact, COMPACT"})
    void blocks_inAnotherPrecision_areCodedSo(String name, Precision precision) throws Exception {
        String ids = IntStream.range(0, 100).mapToObj(Integer::toString).collect(Collectors.joining(","));
        String body = "{\"prompt\": [" + ids
                + "], \"max_tokens\": 0, \"prompt_logprobs\": 64, \"format\": \"lyne.block\", \"row_precision\": \"";
        byte[] exact = block(completed(body + "exact\"}"));
        byte[] other = block(completed(body + name + "\"}"));
        assertThat(other.length).isLessThan(precision == Precision.COMPACT ? exact.length / 3 : exact.length);
        TargetBlock decoded = BlockDecoder.decode(ByteBuffer.wrap(other));
        TargetBlock asComputed = BlockDecoder.decode(ByteBuffer.wrap(exact));
        assertThat(decoded.header().precision()).isEqualTo(precision);
        assertThat(asComputed.header().precision()).isEqualTo(Precision.EXACT);
        // Compact ids of one level of the grid come by their number.
        assertThat(sorted(decoded.ids())).isEqualTo(sorted(asComputed.ids()));
        assertThat(decoded.labelLogProbability()[5]).isCloseTo(asComputed.labelLogProbability()[5], within(0.1f));
    }

    private static int[] sorted(int[] ids) {
        return IntStream.of(ids).sorted().toArray();
    }

    private static byte[] block(JsonNode answer) {
        return Base64.getDecoder().decode(answer.at("/choices/0/blocks/0").asString());
    }

    @Test
    void tokenize_givesTheTokensOfVllm() throws Exception {
        JsonNode answer = JsonMapper.shared()
                .readTree(post("/tokenize", "{\"prompt\": \"Fellow citizens\"}").body());
        assertThat(answer.path("tokens").toString()).isEqualTo("[0,38,69,1064,768]");
        assertThat(answer.path("max_model_len").asInt()).isEqualTo(513);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "add_special_tokens | {\"prompt\": \"x\", \"add_special_tokens\": \"no\"}",
                "add_special_tokens | {\"prompt\": \"x\", \"add_special_tokens\": []}",
                "add_special_token | {\"prompt\": \"x\", \"add_special_token\": false}",
                "prompt | {\"prompt\": [1]}",
                "prompt | {}",
            })
    void tokenize_ofWhatCannotBeMeant_isRefusedNamingTheParameter(String parameter, String body) throws Exception {
        HttpResponse<byte[]> response = post("/tokenize", body);
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(JsonMapper.shared()
                        .readTree(response.body())
                        .at("/error/param")
                        .asString())
                .isEqualTo(parameter);
    }

    /** More characters than the context has room for are not tokenised, which would take as long as anybody likes. */
    @ParameterizedTest
    @ValueSource(strings = {"/tokenize", "/v1/completions"})
    void text_thatCannotFit_isRefusedUnread(String path) throws Exception {
        String rest = path.equals("/tokenize") ? "" : ", \"max_tokens\": 1";
        HttpResponse<byte[]> response = post(path, "{\"prompt\": \"" + "a".repeat(1_000_000) + "\"" + rest + "}");
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(new String(response.body(), StandardCharsets.UTF_8))
                .contains("prompt: text of 1000000 characters (expected: at most ")
                .contains("context_length=512");
    }

    /** A few kilobytes that unpack to millions of values. */
    @Test
    void body_ofManyValuesInFewBytes_isRefusedAtTheFirst() throws Exception {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(packed)) {
            gzip.write(("{\"prompt\": [" + "{},".repeat(10_000_000) + "{}]}").getBytes(StandardCharsets.US_ASCII));
        }
        HttpResponse<byte[]> response = send(request("/v1/completions")
                .header("content-encoding", "gzip")
                .POST(HttpRequest.BodyPublishers.ofByteArray(packed.toByteArray()))
                .build());
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(new String(response.body(), StandardCharsets.UTF_8)).contains("prompt: keys and values");
    }

    @Test
    void body_largerThanAnyMayBe_isRefusedInTheShapeOfFailures() throws Exception {
        HttpResponse<byte[]> response = send(request("/v1/completions")
                .POST(HttpRequest.BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(new byte[33 << 20])))
                .build());
        assertThat(response.statusCode()).isEqualTo(413);
        assertThat(JsonMapper.shared()
                        .readTree(response.body())
                        .at("/error/message")
                        .asString())
                .contains("the body: more than 33554432 bytes (expected: ");
    }

    private static double counted(String name, String tag, String value) {
        return server.registry()
                .get("lyne.teacher." + name)
                .tag(tag, value)
                .counter()
                .count();
    }

    @Test
    void rowsAndRefusals_areCountedAsOnGrpc() throws Exception {
        double rows = counted("positions.served", "teacher", "demo");
        double ofTenant = counted("tenant.positions", "tenant", "trainer");
        double refusals = counted("refusals", "reason", "invalid_request");
        double strangers = counted("refusals", "reason", "unauthenticated");
        double ofTenantRefused = counted("tenant.refusals", "tenant", "trainer");

        completed("{\"prompt\": [[1,2,3],[1,2]], \"max_tokens\": 0, \"prompt_logprobs\": 4}");
        post("/v1/completions", "{\"prompt\": [1,99999], \"max_tokens\": 1}");
        send(HttpRequest.newBuilder(
                        URI.create("http://127.0.0.1:" + server.httpPort().orElseThrow() + "/v1/models"))
                .build());

        assertThat(counted("positions.served", "teacher", "demo") - rows).isEqualTo(3);
        assertThat(counted("tenant.positions", "tenant", "trainer") - ofTenant).isEqualTo(3);
        assertThat(counted("refusals", "reason", "invalid_request") - refusals).isEqualTo(1);
        assertThat(counted("refusals", "reason", "unauthenticated") - strangers).isEqualTo(1);
        assertThat(counted("tenant.refusals", "tenant", "trainer") - ofTenantRefused)
                .isEqualTo(1);
    }

    /** Every room that requests took is given back. */
    @Test
    void room_ofAnsweredAndRefusedRequests_isGivenBack() throws Exception {
        completed("{\"prompt\": [1,2,3], \"max_tokens\": 1, \"prompt_logprobs\": 4}");
        post("/v1/completions", "{\"prompt\": [[1,2,3],[1,99999]], \"max_tokens\": 1}");
        assertThat(server.registry().get("lyne.teacher.admitted.tokens").gauge().value())
                .isZero();
        for (String room : List.of("row", "body")) {
            await().until(() -> server.registry()
                            .get("lyne.teacher.http." + room + ".bytes")
                            .gauge()
                            .value()
                    == 0);
        }
    }
}
