package dev.lyne.load.profile;

import java.util.List;
import java.util.SplittableRandom;

/** How many tokens a sequence has: {@code 256}, {@code 64..512} (uniform), or a mixture {@code 128*0.7,1024..2048*0.3}. */
public final class Lengths {
    private static final String OPTION = "tokens";

    private record Range(int least, int most) {}

    private final String text;
    private final List<Weighted<Range>> ranges;

    private Lengths(String text, List<Weighted<Range>> ranges) {
        this.text = text;
        this.ranges = ranges;
    }

    /** @throws IllegalArgumentException naming the part that is wrong and the expectation */
    public static Lengths parse(String text) {
        return new Lengths(text, Weighted.parse(OPTION, text, Lengths::range));
    }

    private static Range range(String text) {
        int dots = text.indexOf("..");
        int least = Numbers.whole(OPTION, dots < 0 ? text : text.substring(0, dots));
        int most = dots < 0 ? least : Numbers.whole(OPTION, text.substring(dots + 2));
        Numbers.require(least >= 2 && most >= least, OPTION, text, "2 or more, the lesser first");
        return new Range(least, most);
    }

    /** The longest there is. */
    public int longest() {
        return ranges.stream().mapToInt(range -> range.value().most()).max().orElseThrow();
    }

    int draw(SplittableRandom random) {
        Range range = Weighted.at(ranges, random.nextDouble());
        return random.nextInt(range.least(), range.most() + 1);
    }

    @Override
    public String toString() {
        return text;
    }
}
