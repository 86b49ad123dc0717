package dev.lyne.teacher.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class EngineLoadTest {
    private static final int TOKENS = 1_000;

    private final EngineLoad load =
            new EngineLoad(new EngineSettings.Limits(256, Duration.ofSeconds(120), Duration.ofSeconds(600)));

    private long now;

    private int fill() {
        while (load.expectedSeconds(TOKENS, 1).isPresent()) {
            load.began(TOKENS, now);
        }
        return load.sequences();
    }

    @Test
    void inFlight_beforeTheFirstAnswer_isAFew() {
        assertThat(fill()).isEqualTo(8);
    }

    /** 1,000 tokens a second are 60 sequences of 1,000 in half of the time that an answer may take. */
    @Test
    void inFlight_isWhatIsAnsweredInTime() {
        load.began(TOKENS, now);
        now += TimeUnit.SECONDS.toNanos(1);
        load.answered(TOKENS, now);
        assertThat(load.rate()).isEqualTo(TOKENS);
        assertThat(fill()).isEqualTo(60);
        load.ended(TOKENS);
        assertThat(fill()).isEqualTo(60);
    }

    @Test
    void inFlight_ofAFastEngine_isWhatTheOperatorSays() {
        load.began(TOKENS, now);
        now += TimeUnit.MILLISECONDS.toNanos(1);
        load.answered(TOKENS, now);
        assertThat(fill()).isEqualTo(256);
    }
}
