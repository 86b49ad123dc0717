package dev.lyne.teacher.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The HTTP door of a teacher behind an engine, which names no token of a row's tail: of rank r a token has half of the mass that is left. */
@SuppressWarnings("NullAway.Init") // each test starts them
final class EngineBehindDoorTest {
    private static final int DRAWS = 400;

    /** The best token after 9, and the next one. */
    private static final int BEST = 16;

    private FakeEngine engine;
    private EngineTeacher teacher;
    private TeacherServer server;

    private void start(int mostK) throws Exception {
        start(mostK, Duration.ofSeconds(60));
    }

    private void start(int mostK, Duration betweenProbes) throws Exception {
        engine = new FakeEngine();
        engine.mostK = mostK;
        teacher = engine.teacher(betweenProbes);
        server = TeacherServer.serve(
                List.of(teacher),
                TeacherServerOptions.builder()
                        .http(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                        .build());
    }

    @AfterEach
    void stop() throws Exception {
        server.close();
        engine.close();
    }

    /** Of one prompt many times over, each drawn by a number of its own. */
    private List<Integer> drawn(int k) throws Exception {
        String body = "{\"prompt\": " + Collections.nCopies(DRAWS, "[3, 4, 9]")
                + ", \"max_tokens\": 1, \"seed\": 5, \"return_token_ids\": true, \"prompt_logprobs\": " + k + "}";
        JsonNode answer =
                JsonMapper.shared().readTree(post(body).get(1, TimeUnit.MINUTES).body());
        List<Integer> drawn = new ArrayList<>();
        answer.path("choices")
                .forEach(choice -> drawn.add(choice.path("token_ids").path(0).asInt(-1)));
        assertThat(drawn).as(answer.path("error").toString()).hasSize(DRAWS);
        return drawn;
    }

    private CompletableFuture<HttpResponse<String>> post(String body) {
        HttpRequest request = HttpRequest.newBuilder(
                        URI.create("http://127.0.0.1:" + server.httpPort().orElseThrow() + "/v1/completions"))
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
        return HttpClient.newHttpClient().sendAsync(request, HttpResponse.BodyHandlers.ofString());
    }

    private double disownedRows() {
        return server.registry()
                .get("lyne.teacher.http.disowned.rows")
                .counter()
                .count();
    }

    private double otherWeights() {
        return server.registry()
                .get("lyne.teacher.engine.other.weights")
                .gauge()
                .value();
    }

    /** Nobody can be told any more; the operator is. */
    @Test
    void rows_thatWereAnsweredBeforeOtherWeightsWereFound_areCounted() throws Exception {
        start(FakeEngine.MAX_K, Duration.ofHours(1));
        String body = "{\"prompt\": [[3, 4, 9], [3, 4]], \"max_tokens\": 0, \"prompt_logprobs\": 2}";
        assertThat(post(body).get(1, TimeUnit.MINUTES).statusCode()).isEqualTo(200);
        assertThat(disownedRows()).isZero();
        engine.weights = 1;
        teacher.vouchSoon();
        await().until(() -> otherWeights() == 1);
        await().until(() -> disownedRows() == 3);
    }

    /** The next probe would be an hour away: it comes at once, and decides. */
    @Test
    void rows_thatAreToBeVouchedFor_waitForTheProbe() throws Exception {
        start(FakeEngine.MAX_K, Duration.ofHours(1));
        double passed = probesPassed();
        String rest = ", \"max_tokens\": 0, \"prompt_logprobs\": 2, \"vouched_only\": true}";
        HttpResponse<String> right = post("{\"prompt\": [3, 4, 9]" + rest).get(1, TimeUnit.MINUTES);
        assertThat(right.statusCode()).as(right.body()).isEqualTo(200);
        assertThat(JsonMapper.shared()
                        .readTree(right.body())
                        .at("/choices/0/prompt_logprobs/1")
                        .has("10"))
                .isTrue();
        assertThat(probesPassed()).isGreaterThan(passed);

        engine.fault = FakeEngine.Fault.SLOW;
        CompletableFuture<HttpResponse<String>> wrong = post("{\"prompt\": [3, 4, 9, 7, 8]" + rest);
        await().until(() -> engine.asked.get() == 2);
        engine.weights = 1;
        engine.mayAnswer.countDown();
        HttpResponse<String> refused = wrong.get(1, TimeUnit.MINUTES);
        assertThat(refused.statusCode()).as(refused.body()).isEqualTo(503);
        assertThat(refused.body()).contains("rows that no probe vouches for: the engine has other weights");
        assertThat(disownedRows()).isZero();
    }

    private double probesPassed() {
        return server.registry()
                .get("lyne.teacher.engine.probes")
                .tag("outcome", "passed")
                .functionCounter()
                .count();
    }

    /** However few entries the prompt's rows show; three deviations. */
    @Test
    void generatedToken_isDrawnOfAllThatTheEngineNames() throws Exception {
        start(FakeEngine.MAX_K);
        for (int k = 0; k < 2; k++) {
            List<Integer> drawn = drawn(k);
            assertThat(Collections.frequency(drawn, BEST)).isBetween(170, 230);
            assertThat(Collections.frequency(drawn, BEST + 1)).isBetween(74, 126);
            assertThat(Collections.frequency(drawn, BEST + 2)).isBetween(30, 70);
        }
    }

    /** Two of them have 1/2 and 1/4, so that the first has two thirds of the draws; three deviations. */
    @Test
    void tail_thatNobodyNames_isSharedByWhatIsNamed() throws Exception {
        start(2);
        List<Integer> drawn = drawn(2);
        assertThat(drawn).containsOnly(BEST, BEST + 1);
        assertThat(Collections.frequency(drawn, BEST)).isBetween(238, 295);
    }
}
