package dev.lyne.load.profile;

import dev.lyne.row.Selection;
import dev.lyne.v1.ChosenTokens;
import dev.lyne.v1.Sequence;
import dev.lyne.wire.Digests;
import dev.lyne.wire.Positions;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;

/** Random sequences: a pure function of seed, student and index, so that a run can be repeated. Safe for several threads. */
public final class RequestSource {
    private final LoadProfile profile;
    private final ConcurrentHashMap<Pooled, Request> pool = new ConcurrentHashMap<>();

    /** A sequence of the pool is made once for each vocabulary and number of chosen tokens. */
    private record Pooled(int number, int vocabularySize, int chosen) {}

    public RequestSource(LoadProfile profile) {
        this.profile = profile;
    }

    /** The sequence that a student sends as its {@code index}-th. */
    public Request request(int student, long index, int vocabularySize, Selection selection) {
        var random = new SplittableRandom(Seeds.of(profile.seed(), student, index));
        int chosen = selection instanceof Selection.Chosen rule ? Math.min(rule.k(), vocabularySize) : 0;
        if (random.nextDouble() >= profile.requests().pool().repeatedShare()) {
            return build(random, vocabularySize, chosen);
        }
        return pool.computeIfAbsent(
                new Pooled(random.nextInt(profile.requests().pool().sequences()), vocabularySize, chosen),
                pooled -> build(
                        new SplittableRandom(Seeds.of(profile.seed(), pooled.number(), Seeds.POOL)),
                        vocabularySize,
                        chosen));
    }

    private Request build(SplittableRandom random, int vocabularySize, int chosen) {
        int[] tokens = random.ints(profile.requests().lengths().draw(random), 0, vocabularySize)
                .toArray();
        int[] positions = profile.requests().positions().draw(tokens.length, random);
        Sequence.Builder message =
                Sequence.newBuilder().addAllTokenIds(boxed(tokens)).setTokenIdsCrc32C(Digests.tokenChecksum(tokens));
        if (positions.length < tokens.length - 1) {
            message.addAllPositions(Positions.toRanges(positions));
        }
        if (chosen > 0) {
            for (int i = 0; i < positions.length; i++) {
                message.addChosen(ChosenTokens.newBuilder()
                        .addAllTokenIds(boxed(random.ints(0, vocabularySize)
                                .distinct()
                                .limit(chosen)
                                .toArray())));
            }
        }
        return new Request(tokens.length, positions.length, message.build().toByteArray());
    }

    private static List<Integer> boxed(int[] values) {
        return Arrays.stream(values).boxed().toList();
    }
}
