package dev.lyne.load.profile;

import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Positions that a sequence wants rows of: {@code all}, {@code last=0.25} (the last quarter, as after a prompt) or
 * {@code random=0.5}.
 *
 * @param kind which
 * @param share of the positions with a label, above 0, at most 1
 */
public record WantedPositions(Kind kind, double share) {
    /** Every position with a label. */
    public static final WantedPositions ALL = new WantedPositions(Kind.ALL, 1);

    /** Kinds of choice. */
    public enum Kind {
        ALL,
        LAST,
        RANDOM
    }

    /** @throws IllegalArgumentException naming the value and the expectation */
    public static WantedPositions parse(String text) {
        if (text.equals("all")) {
            return ALL;
        }
        for (Kind kind : new Kind[] {Kind.LAST, Kind.RANDOM}) {
            String prefix = kind.name().toLowerCase(Locale.ROOT) + "=";
            if (text.startsWith(prefix)) {
                double share = Numbers.parse("positions", text.substring(prefix.length()));
                Numbers.require(share > 0 && share <= 1, "positions", text, "a share above 0, at most 1");
                return new WantedPositions(kind, share);
            }
        }
        throw new IllegalArgumentException("positions: " + text + " (expected: all, last=SHARE or random=SHARE)");
    }

    /** Ascending positions of a sequence of so many tokens, at least one. */
    int[] draw(int tokens, SplittableRandom random) {
        int all = tokens - 1;
        int first = kind == Kind.LAST ? all - Math.max(1, (int) Math.round(all * share)) : 0;
        int[] wanted = IntStream.range(first, all)
                .filter(position -> kind != Kind.RANDOM || random.nextDouble() < share)
                .toArray();
        return wanted.length == 0 ? new int[] {all - 1} : wanted;
    }

    @Override
    public String toString() {
        return kind == Kind.ALL ? "all" : kind.name().toLowerCase(Locale.ROOT) + "=" + share;
    }
}
