package dev.lyne.cli.common;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class TokenisingLinesTest {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final AtomicLong now = new AtomicLong(17);
    private final TokenisingLines lines =
            new TokenisingLines(new PrintStream(bytes, true, StandardCharsets.UTF_8), now::get);

    @Test
    void update_shortText_isOneLineAtItsEnd() {
        for (int document = 1; document <= 5_000; document++) {
            lines.update("corpus", document, 5_000);
        }
        lines.update("held_out", 7, 7);
        assertThat(printed())
                .containsExactly("tokenising corpus: 5,000 of 5,000 bytes", "tokenising held_out: 7 of 7 bytes");
    }

    @Test
    void update_longText_isALineEveryFewSecondsAndNeverTwoInASecond() {
        for (int tenth = 0; tenth <= 104; tenth++) {
            lines.update("corpus", tenth, 1_000);
            now.addAndGet(Duration.ofMillis(100).toNanos());
        }
        lines.update("corpus", 1_000, 1_000);
        assertThat(printed())
                .containsExactly("tokenising corpus: 50 of 1,000 bytes", "tokenising corpus: 100 of 1,000 bytes");
    }

    private List<String> printed() {
        return bytes.toString(StandardCharsets.UTF_8).lines().toList();
    }
}
