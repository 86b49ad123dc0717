package dev.lyne.student.tokens;

import java.util.Arrays;
import java.util.function.LongPredicate;
import java.util.function.LongUnaryOperator;
import java.util.stream.LongStream;

/**
 * The documents of a token store, cut into windows of at most {@code context} tokens, so that every token with loss is predicted exactly
 * once. A window never spans two documents. Safe for several threads.
 *
 * <p>Plain documents: windows begin {@code context} − 1 tokens apart, so that they overlap by one; every token after the first has loss.
 *
 * <p>Records with a prompt and a response: the first window ends half a context into the response, each next one half a context
 * later; each starts {@code context} tokens before its end, or with the record, and has loss on its new tokens alone. So a token of the
 * response is predicted from at least half a context of what precedes it, where that much does.
 *
 * <p>Where a record has a prompt of the teacher's, a window's tokens for the teacher are that prompt and the response up to the window's end,
 * never cut: what is longer than a teacher takes has to be refused.
 */
public final class Windows {
    /** Tokens that neighbouring windows of a document share. */
    public static final int OVERLAP = 1;

    /** Name of the rule by which windows are cut; another rule has another name. */
    public static final String RULE = "responses by half contexts";

    /** Name of the rule where records have prompts of the teacher's. */
    private static final String RULE_WITH_TEACHER_PROMPTS = RULE + ", behind teacher prompts";

    private static final long SAMPLE_SEED = 0;

    private final TokenStore store;
    private final int context;
    private final long[] windowsBeforeShard;
    private final long[] documentsBeforeShard;
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
        this.documentsBeforeShard = new long[store.shards() + 1];
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
            documentsBeforeShard[shard + 1] = documentsBeforeShard[shard] + store.documents(shard);
        }
        this.chosen = LongUnaryOperator.identity();
        this.count = windowsBeforeShard[windowsBeforeShard.length - 1];
        if (count == 0) {
            String skipped = store.skipped() == 0
                    ? ""
                    : "; %,d documents were skipped, the first: %s".formatted(store.skipped(), store.firstSkipped());
            throw new IllegalArgumentException(
                    "corpus: no token to predict (expected: a document of two tokens or more)" + skipped);
        }
    }

    private Windows(Windows all, LongUnaryOperator chosen, long count) {
        this.store = all.store;
        this.context = all.context;
        this.windowsBeforeShard = all.windowsBeforeShard;
        this.documentsBeforeShard = all.documentsBeforeShard;
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

    /** Returns these windows alone, by their numbers, at least one. */
    public Windows only(long[] numbers) {
        if (numbers.length == 0) {
            throw new IllegalArgumentException("windows: none (expected: at least 1)");
        }
        return new Windows(this, index -> numbers[Math.toIntExact(index)], numbers.length);
    }

    /**
     * Returns the windows that responses can be written in, for {@link #passage}: the first of each record, so that no
     * prompt is from a record's middle; of a plain document the first, and each later one that is full.
     */
    public Windows passages() {
        return only(LongStream.range(0, count)
                .filter(number -> isPassage(place(chosen.applyAsLong(number))))
                .toArray());
    }

    private boolean isPassage(Place place) {
        if (place.inDocument == 0) {
            return true;
        }
        int start = place.inDocument * (context - OVERLAP);
        return !hasPrompt(place.shard, place.document) && store.length(place.shard, place.document) - start >= context;
    }

    /** Returns the windows of documents whose numbers, from 0 in the order of the text, are wanted. */
    public Windows ofDocuments(LongPredicate wanted) {
        return only(LongStream.range(0, count)
                .filter(number -> wanted.test(documentOf(number)))
                .toArray());
    }

    /** The number of a window's document, from 0 in the order of the text. */
    private long documentOf(long number) {
        Place place = place(chosen.applyAsLong(number));
        return documentsBeforeShard[place.shard] + place.document;
    }

    /** The number of the file that a window's document stands in, from 0 in the order of the corpus. */
    public int fileOf(long number) {
        long upTo = documentOf(number) + 1;
        int low = 0;
        int high = store.documentsUpToFile().size() - 1;
        while (low
                < high) { // the first file up to which there are so many: one without a document repeats the sum before
            // it
            int middle = (low + high) >>> 1;
            if (store.documentsUpToFile().get(middle) < upTo) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /**
     * The beginning of a window of {@link #passages} and what the document goes on with: a record's own prompt and its response; of a plain
     * document's window its first tokens, of which half is the most. Both together fit in the context: of a longer prompt the last tokens are
     * taken.
     *
     * @param plainTokens tokens of a plain document that are a prompt
     * @param responseTokens most tokens of a response; room is kept for so many, up to half a context
     */
    public Passage passage(long number, int plainTokens, int responseTokens) {
        Place place = place(chosen.applyAsLong(number));
        int shard = place.shard;
        int document = place.document;
        int begin;
        int end;
        if (hasPrompt(shard, document)) {
            end = store.promptLength(shard, document);
            begin = Math.max(0, end - promptRoom(responseTokens));
        } else {
            begin = place.inDocument * (context - OVERLAP);
            int length = Math.min(context, store.length(shard, document) - begin);
            end = begin + Math.max(1, Math.min(Math.min(plainTokens, length / 2), promptRoom(responseTokens)));
        }
        int upTo = (int) Math.min(store.length(shard, document), (long) end + responseTokens);
        return new Passage(
                store.tokens(shard, document, begin, end),
                store.tokens(shard, document, end, upTo),
                teacherTokens(shard, document, end));
    }

    /**
     * Returns the tokens of a teacher that sees another prompt, up to that place of the document; empty where it sees
     * the same.
     */
    private int[] teacherTokens(int shard, int document, int to) {
        return store.teacherPromptLength(shard, document) == 0 ? new int[0] : store.teacherTokens(shard, document, to);
    }

    /** Whether a teacher sees other prompts than the student of some of the records. */
    public boolean hasTeacherPrompts() {
        return store.teacherPrompts() > 0;
    }

    /**
     * Refuses records whose prompt for the teacher leaves too little room for their response.
     *
     * @param contextLength most tokens that the teacher takes
     */
    public void requireSeenBy(int contextLength) {
        int longest = 0;
        for (long number = 0; hasTeacherPrompts() && number < count; number++) {
            Place place = place(chosen.applyAsLong(number));
            int own = store.teacherPromptLength(place.shard, place.document);
            if (own > 0) {
                longest = Math.max(longest, own + endOf(place) - store.promptLength(place.shard, place.document));
            }
        }
        requireSeen(longest, contextLength);
    }

    private static void requireSeen(int longest, int contextLength) {
        if (longest > contextLength) {
            throw new IllegalArgumentException("teacher_prompt: " + longest
                    + " tokens with its response (expected: at most the teacher's context_length=" + contextLength
                    + ")");
        }
    }

    /**
     * The same of responses that are to be written.
     *
     * @param plainTokens as of {@link #passage}
     * @param responseTokens as of {@link #passage}
     */
    public void requirePassagesSeenBy(int contextLength, int plainTokens, int responseTokens) {
        int longest = 0;
        for (long number = 0; hasTeacherPrompts() && number < count; number++) {
            Passage passage = passage(number, plainTokens, responseTokens);
            if (passage.teacherPrompt().length > 0) {
                int response = Math.min(responseTokens, context - passage.prompt().length);
                longest = Math.max(longest, passage.teacherPrompt().length + response);
            }
        }
        requireSeen(longest, contextLength);
    }

    /** Prompts of records among these windows that {@link #passage} takes the last tokens of alone. */
    public long cutPrompts(int responseTokens) {
        return LongStream.range(0, count)
                .filter(number -> {
                    Place place = place(chosen.applyAsLong(number));
                    return hasPrompt(place.shard, place.document)
                            && store.promptLength(place.shard, place.document) > promptRoom(responseTokens);
                })
                .count();
    }

    private int promptRoom(int responseTokens) {
        return context - Math.min(responseTokens, half());
    }

    /**
     * A beginning to respond to.
     *
     * @param prompt token ids, at least one
     * @param continuation what the document goes on with
     * @param teacherPrompt what a teacher sees in the prompt's place; empty where it sees the prompt
     */
    @SuppressWarnings("ArrayRecordComponent") // a carrier of values; contents are never compared
    public record Passage(int[] prompt, int[] continuation, int[] teacherPrompt) {}

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
        if (isSample()) {
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

    /**
     * Returns how much of the records' prompts is in no window, and how many windows lack the beginning of their
     * record.
     */
    public Cut cut() {
        Cut sum = new Cut(0, 0);
        if (isSample()) {
            for (long number = 0; number < count; number++) {
                Place place = place(chosen.applyAsLong(number));
                if (hasPrompt(place.shard, place.document)) {
                    sum = sum.plus(cut(place));
                }
            }
            return sum;
        }
        for (int shard = 0; shard < store.shards(); shard++) {
            for (int document = 0; document < store.documents(shard); document++) {
                for (int i = 0; hasPrompt(shard, document) && i < windowsOf(shard, document); i++) {
                    sum = sum.plus(cut(new Place(shard, document, i)));
                }
            }
        }
        return sum;
    }

    /**
     * Parts of records with a prompt that windows lack.
     *
     * @param promptTokens tokens of prompts that are in no window
     * @param windows windows that do not reach back to the beginning of their record
     */
    public record Cut(long promptTokens, long windows) {
        private Cut plus(Cut other) {
            return new Cut(promptTokens + other.promptTokens, windows + other.windows);
        }
    }

    /**
     * Returns what one window lacks; the tokens are counted with a record's first window, which reaches back the
     * farthest.
     */
    private Cut cut(Place place) {
        int start = Math.max(0, responseEnd(place) - context);
        int lost = place.inDocument == 0 ? Math.max(0, start - store.bosTokens()) : 0;
        return new Cut(lost, start > 0 ? 1 : 0);
    }

    /** Everything that decides which windows come in which order. */
    public PackingDigest packing(long orderSeed) {
        return new PackingDigest(
                store.tokenizerSha256(),
                store.corpusSha256(),
                store.documentRule(),
                hasTeacherPrompts() ? RULE_WITH_TEACHER_PROMPTS : RULE,
                context,
                OVERLAP,
                orderSeed);
    }

    /** The window of that number from 0, in corpus order unless it is one of a sample. */
    public Window window(long number) {
        if (number < 0 || number >= count) {
            throw new IllegalArgumentException("window: " + number + " (expected: 0.." + (count - 1) + ")");
        }
        Place place = place(chosen.applyAsLong(number));
        int shard = place.shard;
        int document = place.document;
        int start;
        int end = endOf(place);
        int firstPredicted;
        if (hasPrompt(shard, document)) {
            start = Math.max(0, end - context);
            firstPredicted = firstPredicted(shard, document) + place.inDocument * half();
        } else {
            start = Math.multiplyExact(place.inDocument, context - OVERLAP);
            firstPredicted = start + 1;
        }
        int firstPosition = firstPredicted - 1 - start;
        int[] positions = new int[end - firstPredicted];
        Arrays.setAll(positions, i -> firstPosition + i);
        return new Window(store.tokens(shard, document, start, end), positions, teacherTokens(shard, document, end));
    }

    /** The place in its document where a window ends. */
    private int endOf(Place place) {
        if (hasPrompt(place.shard, place.document)) {
            return responseEnd(place);
        }
        int start = Math.multiplyExact(place.inDocument, context - OVERLAP);
        return Math.min(store.length(place.shard, place.document), start + context);
    }

    /** Place of a window: the number of its document in a shard, and its own in the document. */
    private record Place(int shard, int document, int inDocument) {}

    private Place place(long index) {
        int shard = upperBound(windowsBeforeShard, index) - 1;
        int inShard = (int) (index - windowsBeforeShard[shard]);
        int[] upTo = windowsUpToDocument[shard];
        int found = Arrays.binarySearch(upTo, inShard + 1);
        int document = found >= 0 ? firstOf(upTo, found) : -found - 1;
        return new Place(shard, document, inShard - (document == 0 ? 0 : upTo[document - 1]));
    }

    private int windowsOf(int shard, int document) {
        int predicted = store.length(shard, document) - firstPredicted(shard, document);
        if (predicted <= 0) {
            return 0;
        }
        return (predicted - 1) / (hasPrompt(shard, document) ? half() : context - OVERLAP) + 1;
    }

    /** End of a window of a record with a prompt. */
    private int responseEnd(Place place) {
        long end = firstPredicted(place.shard, place.document) + (place.inDocument + 1L) * half();
        return (int) Math.min(store.length(place.shard, place.document), end);
    }

    private int half() {
        return context / 2;
    }

    private boolean isSample() {
        return count < windowsBeforeShard[windowsBeforeShard.length - 1];
    }

    private boolean hasPrompt(int shard, int document) {
        return store.promptLength(shard, document) > store.bosTokens();
    }

    /** A document's first token is never predicted, the prompt's neither. */
    private int firstPredicted(int shard, int document) {
        return Math.max(1, store.promptLength(shard, document));
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
