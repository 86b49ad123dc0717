package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.teacher.access.ServerSecurity;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.wire.access.AccessToken;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows that the HTTP door lets a tenant have, by its token and quota. */
final class HttpCallersTest {
    private static final AccessToken ALICES = AccessToken.random("alice", new SecureRandom());
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    @TempDir
    Path directory;

    private Path tokens;

    @BeforeEach
    void write() throws IOException {
        tokens = directory.resolve("tokens");
        write("tenant alice positions-per-second=1 burst=4 quota=enforce", alices());
    }

    private void write(String... lines) throws IOException {
        Path next = directory.resolve("tokens.new");
        Files.writeString(next, "lyne-access 1\n" + String.join("\n", lines) + "\n");
        Files.move(next, tokens, StandardCopyOption.REPLACE_EXISTING);
    }

    private static String alices() {
        return "token alice sha256:" + HexFormat.of().formatHex(ALICES.digest());
    }

    private ServerFixture serve() throws Exception {
        return new ServerFixture(
                new FakeTeacher("fake", 1_000, 64),
                options -> options.security(new ServerSecurity(Optional.empty(), Optional.of(tokens), false))
                        .http(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)));
    }

    private static HttpRequest completion(ServerFixture fixture, String prompts) {
        return HttpRequest.newBuilder(URI.create(
                        "http://127.0.0.1:" + fixture.server.httpPort().orElseThrow() + "/v1/completions"))
                .header("authorization", ALICES.headerValue())
                .POST(HttpRequest.BodyPublishers.ofString("{\"prompt\": " + prompts
                        + ", \"max_tokens\": 0, \"prompt_logprobs\": 2, \"format\": \"lyne.block\"}"))
                .build();
    }

    /** Prompts of 20 tokens. */
    private static String prompts(int from, int to) {
        return IntStream.range(from, to)
                .mapToObj(prompt -> IntStream.range(0, 20)
                        .map(i -> 20 * prompt + i)
                        .boxed()
                        .toList()
                        .toString())
                .toList()
                .toString();
    }

    private static HttpResponse<String> send(HttpRequest request) throws Exception {
        return CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
    }

    /** As a stream of gRPC does: nothing is owed to who is not known any more. */
    @Test
    void request_ofATokenTakenOut_endsWithinSeconds() throws Exception {
        write(alices());
        try (ServerFixture fixture = serve()) {
            fixture.teacher.hold();
            var answer = CLIENT.sendAsync(completion(fixture, prompts(0, 1)), HttpResponse.BodyHandlers.ofString());
            await().until(() -> fixture.teacher.batches().size() == 1);
            write("token bob sha256:" + "0".repeat(64));
            await().until(answer::isDone);
            assertThat(answer.get().statusCode()).isEqualTo(401);
            assertThat(answer.get().body()).contains("a token that this server does not know");
            assertThat(fixture.refusals("unauthenticated")).isEqualTo(1);
            fixture.teacher.allowAll();
            await().until(() -> fixture.gauge("lyne.teacher.admitted.tokens") == 0
                    && fixture.gauge("lyne.teacher.http.row.bytes") == 0);
        }
    }

    @Test
    void request_ofATokenThatExpires_endsWithinSeconds() throws Exception {
        write(alices() + " expires=" + Instant.now().plusSeconds(3));
        try (ServerFixture fixture = serve()) {
            fixture.teacher.hold();
            var answer = CLIENT.sendAsync(completion(fixture, prompts(0, 1)), HttpResponse.BodyHandlers.ofString());
            await().until(() -> fixture.teacher.batches().size() == 1);
            await().until(answer::isDone);
            assertThat(answer.get().statusCode()).isEqualTo(401);
            assertThat(answer.get().body()).contains("a token of alice that expired at ");
            HttpResponse<String> later = send(completion(fixture, prompts(0, 1)));
            assertThat(later.statusCode()).isEqualTo(401);
            assertThat(fixture.refusals("token_expired")).isEqualTo(2);
        }
    }

    @Test
    void request_forATeacherThatTheTokenOpensNoMore_endsWithinSeconds() throws Exception {
        write(alices());
        try (ServerFixture fixture = serve()) {
            fixture.teacher.hold();
            var answer = CLIENT.sendAsync(completion(fixture, prompts(0, 1)), HttpResponse.BodyHandlers.ofString());
            await().until(() -> fixture.teacher.batches().size() == 1);
            write(alices() + " teachers=another");
            await().until(answer::isDone);
            assertThat(answer.get().statusCode()).isEqualTo(403);
            assertThat(answer.get().body())
                    .contains("model: fake, which the credential of alice does not open any more");
        }
    }

    /**
     * Prompts of a request are paid for at once: one by one, the second would be refused, and so would be each later
     * request.
     */
    @Test
    void prompts_thatTogetherExceedTheBurst_areAnsweredAndPaidFor() throws Exception {
        try (ServerFixture fixture = serve()) {
            HttpResponse<String> first = send(completion(fixture, prompts(0, 3)));
            assertThat(first.statusCode()).as(first.body()).isEqualTo(200);
            HttpResponse<String> second = send(completion(fixture, prompts(3, 4)));
            assertThat(second.statusCode()).as(second.body()).isEqualTo(503);
            assertThat(second.headers().firstValueAsLong("retry-after").orElseThrow())
                    .as("60 were taken of 4, and 1 a second comes back")
                    .isBetween(30L, 61L);
        }
    }
}
