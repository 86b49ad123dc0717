package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

final class BackoffTest {
    private static final Duration FIRST = Duration.ofMillis(100);
    private static final Duration MAX = Duration.ofSeconds(3);

    @Test
    void nextNanos_failuresGoOn_doublesUpToTheLongest() {
        Backoff backoff = new Backoff(FIRST, MAX, new SplittableRandom(1));
        long ceiling = FIRST.toNanos();
        for (int failure = 0; failure < 100; failure++) {
            assertThat(backoff.nextNanos()).isBetween(ceiling / 2, ceiling);
            ceiling = Math.min(2 * ceiling, MAX.toNanos());
        }
    }

    @Test
    void reset_afterFailures_startsOver() {
        Backoff backoff = new Backoff(FIRST, MAX, new SplittableRandom(2));
        for (int failure = 0; failure < 10; failure++) {
            backoff.nextNanos();
        }
        backoff.reset();

        assertThat(backoff.nextNanos()).isLessThanOrEqualTo(FIRST.toNanos());
    }

    @Test
    void nextNanos_equalSeeds_givesEqualDelays() {
        Backoff one = new Backoff(FIRST, MAX, new SplittableRandom(3));
        Backoff two = new Backoff(FIRST, MAX, new SplittableRandom(3));

        assertThat(LongStream.generate(one::nextNanos).limit(20))
                .containsExactlyElementsOf(
                        LongStream.generate(two::nextNanos).limit(20).boxed().toList());
    }
}
