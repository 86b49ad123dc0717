package dev.lyne.lm.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Learns a byte-level BPE vocabulary (arXiv 1508.07909, over bytes as in GPT-2) from texts: the commonest adjacent pair becomes
 * a token, again and again, within the words that GPT-2's pre-tokenizer cuts. The same texts in any order give the same vocabulary. One
 * thread.
 */
public final class BytePairTrainer {
    /** Called now and then with how many tokens there are. */
    public interface Progress {
        void tokens(int learned, int wanted);
    }

    private static final int BYTES = 256;
    private static final int PROGRESS_EVERY = 64;

    /** GPT-2's rule, with Unicode's white space as the tokenizers that read the result take it. */
    private static final Pattern WORDS = Pattern.compile("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+"
            + "| ?[^\\p{IsWhite_Space}\\p{L}\\p{N}]+|\\p{IsWhite_Space}+(?!\\P{IsWhite_Space})|\\p{IsWhite_Space}+");

    private final List<String> specialTokens;
    private final @Nullable Pattern specials;
    private final Map<String, long[]> wordCounts = new HashMap<>();

    /**
     * @param specialTokens take the first ids; where a text holds one, it only separates. The first begins and ends documents
     */
    public BytePairTrainer(List<String> specialTokens) {
        this.specialTokens = List.copyOf(specialTokens);
        for (String token : this.specialTokens) {
            if (token.isEmpty() || this.specialTokens.indexOf(token) != this.specialTokens.lastIndexOf(token)) {
                throw new IllegalArgumentException(
                        "special tokens: " + specialTokens + " (expected: distinct and not empty)");
            }
        }
        this.specials = specialTokens.isEmpty()
                ? null
                : Pattern.compile(String.join(
                        "|", specialTokens.stream().map(Pattern::quote).toList()));
    }

    /** The bytes and the special tokens, which every vocabulary has. */
    public int fewestTokens() {
        return specialTokens.size() + BYTES;
    }

    /** Counts the words of one text. */
    public void add(String text) {
        UnicodeText.requireValid(text);
        for (String part : specials == null ? new String[] {text} : specials.split(text)) {
            Matcher matcher = WORDS.matcher(part);
            while (matcher.find()) {
                wordCounts.computeIfAbsent(matcher.group(), word -> new long[1])[0]++;
            }
        }
    }

    /**
     * Learns merges until there are {@code vocabularySize} tokens, or no pair occurs twice: then the vocabulary is smaller.
     */
    public BytePairVocabulary train(int vocabularySize, Progress progress) {
        if (vocabularySize < fewestTokens()) {
            throw new IllegalArgumentException("vocabulary size: " + vocabularySize + " (expected: at least "
                    + fewestTokens() + ", the bytes and " + specialTokens.size() + " special tokens)");
        }
        List<String> tokens = new ArrayList<>(specialTokens);
        int[] idOfByte = new int[BYTES];
        for (int value : ByteAlphabet.byCharacter()) {
            idOfByte[value] = tokens.size();
            tokens.add(String.valueOf(ByteAlphabet.character(value)));
        }
        PairCounts pairs = new PairCounts();
        // Sorted, so that nothing depends on the order of a hash map.
        new TreeMap<>(wordCounts).forEach((word, count) -> pairs.addWord(symbols(word, idOfByte), count[0]));
        List<BytePairVocabulary.Merge> merges = new ArrayList<>();
        while (tokens.size() < vocabularySize) {
            PairCounts.Pair best = pairs.takeBest();
            if (best == null) {
                break;
            }
            pairs.merge(best, tokens.size());
            merges.add(new BytePairVocabulary.Merge(best.left(), best.right()));
            tokens.add(tokens.get(best.left()) + tokens.get(best.right()));
            if (tokens.size() % PROGRESS_EVERY == 0) {
                progress.tokens(tokens.size(), vocabularySize);
            }
        }
        progress.tokens(tokens.size(), vocabularySize);
        return new BytePairVocabulary(specialTokens, tokens, merges);
    }

    private static int[] symbols(String word, int[] idOfByte) {
        byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
        int[] symbols = new int[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            symbols[i] = idOfByte[bytes[i] & 0xFF];
        }
        return symbols;
    }
}
