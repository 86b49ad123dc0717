package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;

final class ClientOptionsTest {
    @Test
    void build_valueOutOfRange_namesValueAndRange() {
        assertRefused(ClientOptions.builder().window(0, 1), "window_sequences: 0 (expected: at least 1)");
        assertRefused(ClientOptions.builder().window(1, -2), "window_tokens: -2 (expected: at least 1)");
        assertRefused(ClientOptions.builder().retryFor(Duration.ZERO), "retry_for: 0 s (expected: above 0 s)");
        assertRefused(
                ClientOptions.builder().sequenceTimeout(Duration.ofDays(2)),
                "sequence_timeout: 172800 s (expected: 0 s to 86400 s)");
        assertRefused(
                ClientOptions.builder().backoff(Duration.ofSeconds(2), Duration.ofSeconds(1)),
                "max_backoff: 1 s (expected: at least 2 s)");
    }

    @Test
    void toBuilder_everyOptionSet_keepsThem() {
        ClientOptions options = ClientOptions.builder()
                .teacher("big")
                .student("small")
                .window(3, 400)
                .openTimeout(Duration.ofSeconds(1))
                .retryFor(Duration.ofSeconds(2))
                .sequenceTimeout(Duration.ofSeconds(3))
                .backoff(Duration.ofMillis(4), Duration.ofMillis(5))
                .seed(6)
                .bypassCache(true)
                .build();

        assertThat(options.toBuilder().build()).isEqualTo(options);
        assertThat(options.toBuilder().student("tiny").build().student()).isEqualTo("tiny");
    }

    private static void assertRefused(ClientOptions.Builder options, String message) {
        assertThatThrownBy(options::build)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(message);
    }
}
