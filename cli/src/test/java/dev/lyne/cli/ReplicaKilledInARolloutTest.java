package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.load.process.ChildProcess;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Two replicas in processes of their own draw tokens of a student's text and score it; the one that draws is killed in the middle of a phase.
 * Deterministic, the student ends with the weights of a run that nobody disturbed.
 */
final class ReplicaKilledInARolloutTest {
    private static final Pattern SESSIONS =
            Pattern.compile("^lyne_teacher_decode_sessions(?:\\{[^}]*})? ([0-9.]+)$", Pattern.MULTILINE);

    @TempDir
    private Path shared;

    /** @param metrics where its metrics are */
    private record Replica(ChildProcess process, String address, String metrics) implements AutoCloseable {
        int sessions() throws IOException, InterruptedException {
            HttpRequest page = HttpRequest.newBuilder(URI.create("http://" + metrics + "/metrics"))
                    .build();
            Matcher found = SESSIONS.matcher(HttpClient.newHttpClient()
                    .send(page, HttpResponse.BodyHandlers.ofString())
                    .body());
            assertThat(found.find()).isTrue();
            return (int) Double.parseDouble(found.group(1));
        }

        @Override
        public void close() {
            process.close();
        }
    }

    private static Replica serve(TinyTraining tiny, String name) throws IOException {
        ChildProcess process = ChildProcess.start(
                name,
                tiny.log(name),
                1,
                "256m",
                List.of(
                        "serve",
                        "--deterministic",
                        "--threads",
                        "1",
                        "--teacher",
                        tiny.teacher().toString(),
                        "--listen",
                        "127.0.0.1:0",
                        "--metrics",
                        "127.0.0.1:0"));
        JsonNode ready = JsonMapper.shared().readTree(process.readLine());
        return new Replica(
                process, ready.get("listening").asString(), ready.get("metrics").asString());
    }

    private static List<String> arguments(TinyTraining tiny, String name, Replica first, Replica second) {
        List<String> arguments = new ArrayList<>(tiny.plainly(name, 4));
        arguments.set(arguments.indexOf("--steps") + 1, "8");
        arguments.addAll(List.of(
                "--teacher",
                first.address(),
                "--teacher",
                second.address(),
                "--alpha",
                "1",
                "--top-k",
                "16",
                "--loss",
                "reverse_kl",
                "--on-policy-share",
                "1",
                "--teacher-mixing",
                "0.4",
                "--policy",
                "returns",
                "--whitening",
                "padded",
                "--rollouts",
                "8",
                "--prompt-tokens",
                "6",
                "--response-tokens",
                "16"));
        return arguments;
    }

    @Test
    void replicaThatDraws_killedInARollout_endsWithTheSameWeights() throws Exception {
        var tiny = new TinyTraining(shared);
        try (Replica first = serve(tiny, "first");
                Replica second = serve(tiny, "second")) {
            try (ChildProcess student = tiny.train("undisturbed", arguments(tiny, "undisturbed", first, second))) {
                student.awaitSuccess();
            }
            try (Breakpoints breakpoints = new Breakpoints("dev.lyne.student.rollout.DecodedDraws", List.of("tell"));
                    ChildProcess student =
                            tiny.start("disturbed", arguments(tiny, "disturbed", first, second), breakpoints)) {
                breakpoints.next("tell", 60); // in the second phase, some tokens into its responses
                assertThat(first.sessions() + second.sessions()).isEqualTo(1);
                Replica drawing = first.sessions() == 1 ? first : second;
                TinyTraining.kill(drawing.process());
                breakpoints.close();
                student.awaitSuccess();
                Replica other = drawing == first ? second : first;
                assertThat(other.process().isAlive()).isTrue();
            }
        }
        assertThat(tiny.weights("disturbed")).isEqualTo(tiny.weights("undisturbed"));
        for (long phase = 0; phase < 4; phase++) {
            assertThat(shared.resolve("disturbed/rollouts/phase-" + phase + ".jsonl"))
                    .hasSameBinaryContentAs(shared.resolve("undisturbed/rollouts/phase-" + phase + ".jsonl"));
        }
    }
}
