package dev.lyne.teacher.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
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
    private TeacherServer server;

    private void start(int mostK) throws Exception {
        engine = new FakeEngine();
        engine.mostK = mostK;
        EngineTeacher teacher = EngineTeacher.open(
                new EngineSettings(
                        EngineSettings.Wire.VLLM,
                        List.of(engine.address()),
                        EngineSettings.Access.PLAIN,
                        "far",
                        Optional.empty(),
                        Path.of("../examples/state-of-the-union/teacher"),
                        new EngineSettings.Arithmetic("float32", false),
                        Optional.empty(),
                        new EngineSettings.Probing(Duration.ofSeconds(60), 0.02),
                        new EngineSettings.Limits(8, Duration.ofSeconds(2), Duration.ofSeconds(30))),
                1);
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
        HttpRequest request = HttpRequest.newBuilder(
                        URI.create("http://127.0.0.1:" + server.httpPort().orElseThrow() + "/v1/completions"))
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
        JsonNode answer = JsonMapper.shared()
                .readTree(HttpClient.newHttpClient()
                        .send(request, HttpResponse.BodyHandlers.ofString())
                        .body());
        List<Integer> drawn = new ArrayList<>();
        answer.path("choices")
                .forEach(choice -> drawn.add(choice.path("token_ids").path(0).asInt(-1)));
        assertThat(drawn).as(answer.path("error").toString()).hasSize(DRAWS);
        return drawn;
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
