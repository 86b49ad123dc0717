package dev.lyne.student.tokens;

import java.util.Arrays;
import java.util.function.LongUnaryOperator;
import java.util.stream.LongStream;

/**
 * The documents of a token store, cut into windows of at most {@code context} tokens that overlap by one, so that every token
 * after a document's first is predicted exactly once. A window never spans two documents. Tokens of a prompt carry no loss,
 * and windows that hold nothing else are left out. Safe for several threads.
 */
public final class Windows {
    /** Tokens that neighbouring windows of a document share. */
    public static final int OVERLAP = 1;

    private static final long SAMPLE_SEED = 0;

    private final TokenStore store;
    private final int context;
    private final long[] windowsBeforeShard;
    private final int[][] windowsUpToDocument;
    private final LongUnaryOperator chosen;
    private final long count;

    /**
     * @param context most tokens in a window, 2 or more
     * @throws IllegalArgumentException where no token of the store carries loss
     */
    public Windows(TokenStore store, int context) {
        if (context < 2) {
            throw new IllegalArgumentException("context: " + context + " (expected: 2 or more)");
        }
        this.store = store;
        this.context = context;
        this.windowsBeforeShard = new long[store.shards() + 1];
        this.windowsUpToDocument = new int[store.shards()][];
        for (int shard = 0; shard < store.shards(); shard++) {
            int[] upTo = new int[store.documents(shard)];
            int sum = 0;
            for (int document = 0; document < upTo.length; document++) {
                sum = Math.addExact(sum, windowsOf(shard, document));
                upTo[document] = sum;
            }
            windowsUpToDocument[shard] = upTo;
            windowsBeforeShard[shard + 1] = windowsBeforeShard[shard] + sum;
        }
        this.chosen = LongUnaryOperator.identity();
        this.count = windowsBeforeShard[windowsBeforeShard.length - 1];
        if (count == 0) {
            throw new IllegalArgumentException(
                    "corpus: no token to predict (expected: a document of two tokens or more)");
        }
    }

    private Windows(Windows all, LongUnaryOperator chosen, long count) {
        this.store = all.store;
        this.context = all.context;
        this.windowsBeforeShard = all.windowsBeforeShard;
        this.windowsUpToDocument = all.windowsUpToDocument;
        this.chosen = index -> all.chosen.applyAsLong(chosen.applyAsLong(index));
        this.count = count;
    }

    /**
     * So many of these windows, the same ones every time; those of a smaller sample are among those of a larger one.
     *
     * @throws IllegalArgumentException where there are not that many
     */
    public Windows sample(long size) {
        if (size < 1 || size > count) {
            throw new IllegalArgumentException("windows: " + size + " (expected: 1.." + count + ", as the text has)");
        }
        EpochOrder order = new EpochOrder(count, SAMPLE_SEED);
        return new Windows(this, index -> order.at(0, index), size);
    }

    /** Those of these windows, by their numbers, at least one. */
    public Windows only(long[] numbers) {
        if (numbers.length == 0) {
            throw new IllegalArgumentException("windows: none (expected: at least 1)");
        }
        return new Windows(this, index -> numbers[Math.toIntExact(index)], numbers.length);
    }

    /** Number of windows. */
    public long count() {
        return count;
    }

    /** Most tokens in a window. */
    public int context() {
        return context;
    }

    /** Tokens that carry loss, over all windows. */
    public long lossTokens() {
        if (count < windowsBeforeShard[windowsBeforeShard.length - 1]) {
            return LongStream.range(0, count)
                    .map(index -> window(index).positions().length)
                    .sum();
        }
        long total = 0;
        for (int shard = 0; shard < store.shards(); shard++) {
            for (int document = 0; document < store.documents(shard); document++) {
                total += Math.max(0, store.length(shard, document) - firstPredicted(shard, document));
            }
        }
        return total;
    }

    /** Everything that decides which windows come in which order. */
    public PackingDigest packing(long orderSeed) {
        return new PackingDigest(
                store.tokenizerSha256(), store.corpusSha256(), store.documentRule(), context, OVERLAP, orderSeed);
    }

    /** The window of that number from 0, in corpus order unless it is one of a sample. */
    public Window window(long number) {
        if (number < 0 || number >= count) {
            throw new IllegalArgumentException("window: " + number + " (expected: 0.." + (count - 1) + ")");
        }
        long index = chosen.applyAsLong(number);
        int shard = upperBound(windowsBeforeShard, index) - 1;
        int inShard = (int) (index - windowsBeforeShard[shard]);
        int[] upTo = windowsUpToDocument[shard];
        int found = Arrays.binarySearch(upTo, inShard + 1);
        int document = found >= 0 ? firstOf(upTo, found) : -found - 1;
        int inDocument = inShard - (document == 0 ? 0 : upTo[document - 1]);
        int firstPredicted = firstPredicted(shard, document);
        int stride = context - OVERLAP;
        int start = Math.multiplyExact(firstWindow(firstPredicted) + inDocument, stride);
        int end = Math.min(store.length(shard, document), start + context);
        int firstPosition = Math.max(start, firstPredicted - 1) - start;
        int[] positions = new int[end - start - 1 - firstPosition];
        Arrays.setAll(positions, i -> firstPosition + i);
        return new Window(store.tokens(shard, document, start, end), positions);
    }

    private int windowsOf(int shard, int document) {
        int length = store.length(shard, document);
        int firstPredicted = firstPredicted(shard, document);
        if (firstPredicted >= length) {
            return 0;
        }
        // Token j is predicted in window (j − 1) / stride.
        return (length - 2) / (context - OVERLAP) + 1 - firstWindow(firstPredicted);
    }

    private int firstPredicted(int shard, int document) {
        return Math.max(1, store.promptLength(shard, document));
    }

    private int firstWindow(int firstPredicted) {
        return (firstPredicted - 1) / (context - OVERLAP);
    }

    /** Documents without a window repeat the sum before them; the one that owns it comes first. */
    private static int firstOf(int[] upTo, int found) {
        int first = found;
        while (first > 0 && upTo[first - 1] == upTo[found]) {
            first--;
        }
        return first;
    }

    private static int upperBound(long[] ascending, long value) {
        int low = 0;
        int high = ascending.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (ascending[middle] <= value) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }
}
