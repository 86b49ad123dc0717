package dev.lyne.teacher.decode;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Texts that come back as soon as they gave way. */
final class CacheSharesTest {
    private static final long ROOM = 1_000;

    private record Text(String tenant, long bytes) {}

    /** Whatever they want: it comes to rest, and whoever is then without room wants more than an even part. */
    @Test
    void yielding_textsThatComeBackAtOnce_doNotTakeTurns() {
        for (long seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            Deque<Text> waiting = new ArrayDeque<>();
            for (int i = 0; i < 30; i++) {
                waiting.add(new Text("t" + random.nextInt(3), 1 + random.nextInt(random.nextBoolean() ? 600 : 60)));
            }
            List<Text> held = new ArrayList<>();
            int gaveWay = 0;
            int refusedInTurn = 0;
            while (refusedInTurn < waiting.size()) {
                Text next = waiting.remove();
                Optional<Text> yielding = Optional.empty();
                while (free(held) < next.bytes()) {
                    yielding = shares(held).yielding(next.tenant(), next.bytes());
                    if (yielding.isEmpty()) {
                        break;
                    }
                    held.remove(yielding.get());
                    waiting.add(yielding.get());
                    gaveWay++;
                    assertThat(gaveWay).as("seed %d", seed).isLessThan(500);
                }
                if (free(held) < next.bytes()) {
                    waiting.add(next);
                    refusedInTurn++;
                } else {
                    held.add(next);
                    refusedInTurn = 0;
                }
            }
            for (Text refused : waiting) {
                assertThat(own(held, refused.tenant()) + refused.bytes())
                        .as("seed %d: %s beside %s", seed, refused, held)
                        .isGreaterThan(ROOM / 3);
            }
        }
    }

    private static CacheShares<Text> shares(List<Text> held) {
        return new CacheShares<>(
                ROOM,
                held.stream()
                        .map(text -> new CacheShares.Held<>(text, text.tenant(), text.bytes()))
                        .toList());
    }

    private static long free(List<Text> held) {
        return ROOM - held.stream().mapToLong(Text::bytes).sum();
    }

    private static long own(List<Text> held, String tenant) {
        return held.stream()
                .filter(text -> text.tenant().equals(tenant))
                .mapToLong(Text::bytes)
                .sum();
    }
}
