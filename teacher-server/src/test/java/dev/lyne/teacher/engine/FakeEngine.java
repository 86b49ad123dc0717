package dev.lyne.teacher.engine;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.SSLContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A vLLM as its wire shows it, over real HTTP: answers that were recorded from a real one for the sequence that they were recorded for,
 * rows of a rule of its own for any other. It can be told to answer sequences of {@link #FAULTY_LENGTH} tokens wrongly.
 */
final class FakeEngine implements AutoCloseable {
    static final int VOCABULARY = 4096;
    static final int MAX_K = 20;

    /** The sequence that answers were recorded for. */
    static final int[] RECORDED = {0, 38, 69, 1064, 768, 268, 260, 300};

    static final int FAULTY_LENGTH = 5;

    enum Fault {
        NONE,
        SHORT,
        DUPLICATE,
        WRONG_ORDER,
        ACTUAL_LAST,
        MINUS_INFINITY,
        NOT_A_NUMBER,
        ABOVE_ONE,
        OTHER_TOKEN,
        BEST_MISSING,
        REFUSED,
        BUSY,
        HANGS,
        SLOW,
        PACED,
        DROPPED,
        BEYOND
    }

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final CountDownLatch closing = new CountDownLatch(1);

    /** Latch that a slow answer waits for. */
    final CountDownLatch mayAnswer = new CountDownLatch(1);

    private final InetSocketAddress address;
    private HttpServer http;
    final AtomicInteger asked = new AtomicInteger();

    /** Requests to continue a text. */
    final List<JsonNode> texts = new CopyOnWriteArrayList<>();

    volatile Fault fault = Fault.NONE;

    /** Moves the row after the last token alone. */
    volatile int lastRow;

    /** Every request for rows. */
    final List<JsonNode> scored = new CopyOnWriteArrayList<>();

    /** Time that each sequence of {@link #FAULTY_LENGTH} tokens takes, one after the other, as long as it is {@code PACED}. */
    volatile long paceMillis;

    /** Held while a paced answer is made. */
    private final Lock pace = new ReentrantLock(true);

    /** Words with which it refuses whatever it is asked; empty: it does not. */
    volatile String refusal = "";

    /** Greatest k that it takes. */
    volatile int mostK = MAX_K;

    /** Has a column beyond the tokenizer's ids among the {@link #MAX_K} best. */
    volatile boolean padded;

    /** Moves every row: other weights. */
    volatile int weights;

    /** Moves every log-probability, by so little that it is the same model's. */
    volatile double nudgeNats;

    /**
     * Authorization that a request has to carry to be answered; empty: none. One that does not fit is repeated in the
     * refusal.
     */
    volatile String authorization = "";

    private final Optional<SSLContext> tls;

    FakeEngine() throws IOException {
        this(Optional.empty());
    }

    /** One that speaks TLS, where it has a certificate. */
    FakeEngine(Optional<SSLContext> tls) throws IOException {
        this.tls = tls;
        this.http = listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        this.address = http.getAddress();
    }

    private HttpServer listen(InetSocketAddress where) throws IOException {
        HttpServer server;
        if (tls.isPresent()) {
            HttpsServer encrypted = HttpsServer.create(where, 64);
            encrypted.setHttpsConfigurator(new HttpsConfigurator(tls.get()));
            server = encrypted;
        } else {
            server = HttpServer.create(where, 64);
        }
        server.setExecutor(threads);
        server.createContext("/health", exchange -> send(exchange, 200, ""));
        server.createContext("/version", exchange -> send(exchange, 200, recorded("version.json")));
        server.createContext("/v1/models", exchange -> {
            if (isAllowed(exchange)) {
                send(exchange, 200, recorded("models.json"));
            }
        });
        server.createContext("/v1/completions", this::complete);
        server.start();
        return server;
    }

    /** As vLLM guards what is below /v1; answers what is not allowed. */
    private boolean isAllowed(HttpExchange exchange) throws IOException {
        String sent = exchange.getRequestHeaders().getFirst("Authorization");
        if (authorization.isEmpty() || authorization.equals(sent)) {
            return true;
        }
        exchange.getRequestBody().readAllBytes();
        send(exchange, 401, "{\"error\":\"Unauthorized: " + sent + "\"}");
        return false;
    }

    /** Opens a teacher behind this engine, as most tests want it. */
    EngineTeacher teacher(Duration betweenProbes) throws Exception {
        return EngineTeacher.open(
                settings(EngineSettings.Wire.VLLM, address(), EngineSettings.Access.PLAIN, betweenProbes), 1);
    }

    /** Returns the settings of a teacher behind several. */
    static EngineSettings settings(Duration betweenProbes, List<InetSocketAddress> addresses) {
        EngineSettings one =
                settings(EngineSettings.Wire.VLLM, addresses.get(0), EngineSettings.Access.PLAIN, betweenProbes);
        return new EngineSettings(
                one.wire(),
                addresses,
                one.access(),
                one.name(),
                one.model(),
                one.tokenizer(),
                one.arithmetic(),
                one.identity(),
                one.probe(),
                one.limits());
    }

    /** Returns the settings of a teacher behind a fake engine, as most tests want it. */
    static EngineSettings settings(
            EngineSettings.Wire wire, InetSocketAddress address, EngineSettings.Access access, Duration betweenProbes) {
        return new EngineSettings(
                wire,
                List.of(address),
                access,
                "far",
                Optional.empty(),
                Path.of("../examples/state-of-the-union/teacher"),
                new EngineSettings.Arithmetic("float32", false),
                Optional.empty(),
                new EngineSettings.Probing(betweenProbes, 0.02),
                new EngineSettings.Limits(8, Duration.ofSeconds(2), Duration.ofSeconds(30)));
    }

    InetSocketAddress address() {
        return InetSocketAddress.createUnresolved("127.0.0.1", address.getPort());
    }

    /** Ends, and with it every connection. */
    void kill() {
        http.stop(0);
    }

    /** Listens again where it did. */
    void restart() throws IOException {
        http = listen(address);
    }

    static String recorded(String name) throws IOException {
        try (InputStream file = Objects.requireNonNull(FakeEngine.class.getResourceAsStream(name), name)) {
            return new String(file.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static void send(HttpExchange exchange, int status, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        if (bytes.length > 0) {
            exchange.getResponseBody().write(bytes);
        }
        exchange.close();
    }

    private void complete(HttpExchange exchange) throws IOException {
        if (!isAllowed(exchange)) {
            return;
        }
        JsonNode request =
                JsonMapper.shared().readTree(exchange.getRequestBody().readAllBytes());
        int[] tokens = new int[request.path("prompt").size()];
        Arrays.setAll(tokens, i -> request.path("prompt").path(i).asInt());
        int k = request.path("prompt_logprobs").asInt(0);
        if (!refusal.isEmpty()) {
            send(exchange, 404, "{\"error\":{\"message\":\"" + refusal + "\",\"code\":404}}");
            return;
        }
        if (k > mostK) {
            send(
                    exchange,
                    400,
                    "{\"error\":{\"message\":\"Requested prompt logprobs of " + k
                            + ", which is greater than max allowed: " + mostK + "\",\"code\":400}}");
            return;
        }
        Fault now = tokens.length == FAULTY_LENGTH ? fault : Fault.NONE;
        if (tokens.length != 32 && tokens.length != 2) { // neither a probe nor a try of k
            asked.incrementAndGet();
        }
        if (request.has("seed")) {
            texts.add(request);
        } else {
            scored.add(request);
        }
        switch (now) {
            case REFUSED -> send(exchange, 400, "{\"error\":{\"message\":\"the prompt is not to its taste\"}}");
            case BUSY -> send(exchange, 503, "{\"error\":{\"message\":\"come back later\"}}");
            case HANGS -> {
                await(closing);
                exchange.close();
            }
            case SLOW -> {
                await(mayAnswer);
                send(exchange, 200, answer(request, tokens, k, now));
            }
            case PACED -> {
                pace.lock();
                try {
                    await(closing, paceMillis);
                } finally {
                    pace.unlock();
                }
                send(exchange, 200, answer(request, tokens, k, now));
            }
            case DROPPED -> {
                exchange.getResponseHeaders().set("Content-Type", "application/json");
                exchange.sendResponseHeaders(200, 100_000);
                exchange.getResponseBody()
                        .write("{\"choices\":[{\"prompt_logprobs\":[null".getBytes(StandardCharsets.UTF_8));
                exchange.close();
            }
            default -> send(exchange, 200, answer(request, tokens, k, now));
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Takes so long, unless it closes. */
    private static void await(CountDownLatch latch, long millis) {
        try {
            boolean unused = latch.await(millis, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private String answer(JsonNode request, int[] tokens, int k, Fault now) throws IOException {
        if (request.has("seed")) {
            return text(request, tokens, now);
        }
        if (Arrays.equals(tokens, RECORDED) && k == 4 && request.has("logprobs")) {
            return recorded("rows-top4.json");
        }
        if (Arrays.equals(tokens, RECORDED) && k == 0) {
            return recorded("rows-label.json");
        }
        StringBuilder json =
                new StringBuilder("{\"id\":\"cmpl-1\",\"choices\":[{\"index\":0,\"prompt_logprobs\":[null");
        int rows = now == Fault.SHORT ? tokens.length - 2 : tokens.length - 1;
        for (int i = 1; i <= rows; i++) {
            json.append(",{");
            row(json, tokens[i - 1], tokens[i], k, now);
            json.append('}');
        }
        json.append(']');
        if (request.has("logprobs")) {
            generated(json, tokens[tokens.length - 1], request.path("logprobs").asInt());
        }
        return json.append(",\"prompt_token_ids\":null}],\"usage\":{\"prompt_tokens_details\":{\"a\":[{}]}}}")
                .toString();
    }

    /** The row after the last token, which comes with the generated one, the best. */
    private void generated(StringBuilder json, int last, int k) {
        json.append(",\"logprobs\":{\"top_logprobs\":[{");
        for (int rank = 0; rank < Math.max(1, k); rank++) {
            json.append(rank == 0 ? "" : ",")
                    .append("\"token_id:")
                    .append(Math.floorMod(last + 7 + weights + lastRow + rank, VOCABULARY))
                    .append("\":")
                    .append(logProbability(rank, Fault.NONE));
        }
        json.append("}]}");
    }

    /** Returns a run of draws: of each distribution a token whose rank a generator of the seed gives. */
    int[] draws(int[] tokens, long seed, int most, Set<Integer> stops) {
        Random random = new Random(seed);
        int[] drawn = new int[most];
        int last = tokens[tokens.length - 1];
        for (int i = 0; i < most; i++) {
            int rank = Integer.numberOfTrailingZeros(random.nextInt());
            last = (last + 7 + weights + rank) % VOCABULARY;
            drawn[i] = last;
            if (stops.contains(last)) {
                return Arrays.copyOf(drawn, i + 1);
            }
        }
        return drawn;
    }

    /** The log-probability of a token behind another. */
    float logProbabilityAfter(int last, int token) {
        return Float.parseFloat(logProbability(Math.floorMod(token - last - 7 - weights, VOCABULARY), Fault.NONE));
    }

    private String text(JsonNode request, int[] tokens, Fault now) throws IOException {
        Set<Integer> stops = new HashSet<>();
        request.path("stop_token_ids").forEach(id -> stops.add(id.intValue()));
        int most = request.path("max_tokens").intValue();
        int[] drawn = draws(tokens, request.path("seed").longValue(), most, stops);
        if (now == Fault.SHORT) {
            drawn = Arrays.copyOf(drawn, drawn.length - 1);
        } else if (now == Fault.DUPLICATE) {
            drawn = Arrays.copyOf(drawn, drawn.length + 1);
        } else if (now == Fault.BEYOND) {
            drawn[0] = VOCABULARY;
        }
        List<String> logProbabilities = new ArrayList<>();
        int last = tokens[tokens.length - 1];
        for (int i = 0; i < drawn.length; i++) {
            logProbabilities.add(
                    switch (i == 0 ? now : Fault.NONE) {
                        case MINUS_INFINITY -> "-9999.0";
                        case NOT_A_NUMBER -> "null";
                        case ABOVE_ONE -> "0.5";
                        default -> Float.toString(logProbabilityAfter(last, drawn[i]));
                    });
            last = drawn[i];
        }
        StringBuilder json =
                new StringBuilder("{\"id\":\"cmpl-1\",\"choices\":[{\"index\":0,\"finish_reason\":\"length\"");
        json.append(",\"token_ids\":").append(Arrays.toString(drawn));
        json.append(",\"logprobs\":{\"token_logprobs\":")
                .append(logProbabilities)
                .append('}');
        if (now == Fault.OTHER_TOKEN) {
            tokens[1]++;
        }
        json.append(",\"prompt_token_ids\":").append(Arrays.toString(tokens));
        if (request.has("prompt_logprobs")) {
            json.append(",\"prompt_logprobs\":[null");
            for (int i = 1; i < tokens.length - (now == Fault.BEST_MISSING ? 1 : 0); i++) {
                json.append(",{");
                row(json, tokens[i - 1], tokens[i], 0, now == Fault.WRONG_ORDER ? Fault.OTHER_TOKEN : Fault.NONE);
                json.append('}');
            }
            json.append(']');
        }
        return json.append("}]}").toString();
    }

    /** Token (last + 7 + weights + r) mod V has rank r, and half of the mass that is left; the actual one comes first, but where it is told to come last. */
    private void row(StringBuilder json, int last, int actual, int k, Fault now) {
        int start = Math.floorMod(last + 7 + weights, VOCABULARY);
        int rank = Math.floorMod(actual - start, VOCABULARY);
        if (now != Fault.ACTUAL_LAST) {
            entry(json, now == Fault.OTHER_TOKEN ? actual + 1 : actual, logProbability(rank, now), rank + 1);
        }
        for (int r = 0; r < k; r++) {
            int at = now == Fault.WRONG_ORDER ? k - 1 - r : r;
            at += now == Fault.BEST_MISSING ? 1 : 0;
            if (at != rank) {
                json.append(json.charAt(json.length() - 1) == '{' ? "" : ",");
                int id = padded && at == MAX_K - 1 ? VOCABULARY : (start + at) % VOCABULARY;
                entry(json, id, logProbability(at, now), at + 1);
            }
            if (now == Fault.DUPLICATE && r == 1) {
                json.append(',');
                entry(json, (start + at) % VOCABULARY, "-40.5", at + 1);
            }
        }
        if (now == Fault.ACTUAL_LAST) {
            json.append(json.charAt(json.length() - 1) == '{' ? "" : ",");
            entry(json, actual, logProbability(rank, now), rank + 1);
        }
    }

    private static void entry(StringBuilder json, int id, String logProbability, int rank) {
        json.append('"')
                .append(id)
                .append("\":{\"logprob\":")
                .append(logProbability)
                .append(",\"rank\":");
        json.append(rank).append(",\"decoded_token\":\"\\u00e9\\\"\"}");
    }

    private String logProbability(int rank, Fault now) {
        if (now == Fault.MINUS_INFINITY && rank == 2) {
            return "-9999.0";
        }
        if (now == Fault.NOT_A_NUMBER && rank == 2) {
            return "NaN";
        }
        double sharper = now == Fault.ABOVE_ONE ? 0.2 : 1;
        return Float.toString((float) (-Math.log(2) * (rank + 1) * sharper - nudgeNats));
    }

    @Override
    public void close() {
        closing.countDown();
        mayAnswer.countDown();
        kill();
        threads.shutdownNow();
    }
}
