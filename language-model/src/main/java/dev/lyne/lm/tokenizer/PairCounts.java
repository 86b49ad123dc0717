package dev.lyne.lm.tokenizer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How often each pair of adjacent symbols occurs in a set of counted words, kept up to date as pairs are merged.
 *
 * <p>Invariant: every pair whose count is at least {@link #MIN_COUNT} has a candidate in the queue with a count not below its true one.
 * Counts that rise are queued anew at once; ones that fell are put right when their candidate comes up.
 */
final class PairCounts {
    private static final long MIN_COUNT = 2;

    /** Two adjacent symbols. */
    record Pair(int left, int right) {}

    /** A pair as it stood when it was queued: commonest first, then lowest symbols, so that ties are settled. */
    private record Candidate(long count, Pair pair) implements Comparable<Candidate> {
        @Override
        public int compareTo(Candidate other) {
            int byCount = Long.compare(other.count, count);
            if (byCount != 0) {
                return byCount;
            }
            int byLeft = Integer.compare(pair.left, other.pair.left);
            return byLeft != 0 ? byLeft : Integer.compare(pair.right, other.pair.right);
        }
    }

    /** Count of a pair, and the words it has ever been put into. */
    private static final class Occurrences {
        private long count;
        private int[] words = new int[2];
        private int size;

        private void addWord(int word) {
            if (size > 0 && words[size - 1] == word) {
                return;
            }
            if (size == words.length) {
                words = Arrays.copyOf(words, size * 2);
            }
            words[size++] = word;
        }
    }

    private final List<int[]> words = new ArrayList<>();
    private final List<Long> wordCounts = new ArrayList<>();
    private final Map<Pair, Occurrences> pairs = new HashMap<>();
    private final PriorityQueue<Candidate> queue = new PriorityQueue<>();
    private boolean queued;

    void addWord(int[] symbols, long count) {
        words.add(symbols);
        wordCounts.add(count);
        for (int i = 0; i + 1 < symbols.length; i++) {
            Occurrences occurrences =
                    pairs.computeIfAbsent(new Pair(symbols[i], symbols[i + 1]), pair -> new Occurrences());
            occurrences.count += count;
            occurrences.addWord(words.size() - 1);
        }
    }

    /** The commonest pair, or null where none occurs twice. */
    @Nullable
    Pair takeBest() {
        if (!queued) {
            pairs.forEach(this::enqueue);
            queued = true;
        }
        while (true) {
            Candidate candidate = queue.poll();
            if (candidate == null) {
                return null;
            }
            Occurrences occurrences = pairs.get(candidate.pair);
            if (occurrences == null) {
                continue;
            }
            if (occurrences.count == candidate.count) {
                return candidate.pair;
            }
            if (occurrences.count < candidate.count) {
                enqueue(candidate.pair, occurrences);
            }
        }
    }

    /** Replaces the pair, from the left, by a symbol in every word. */
    void merge(Pair pair, int symbol) {
        Occurrences occurrences = pairs.get(pair);
        if (occurrences == null) {
            return;
        }
        Set<Pair> risen = new LinkedHashSet<>();
        for (int i = 0; i < occurrences.size; i++) {
            int word = occurrences.words[i];
            int[] before = words.get(word);
            int[] after = replace(before, pair, symbol);
            if (after.length == before.length) {
                continue;
            }
            long count = wordCounts.get(word);
            for (int j = 0; j + 1 < before.length; j++) {
                Occurrences old = pairs.get(new Pair(before[j], before[j + 1]));
                if (old != null) {
                    old.count -= count;
                }
            }
            for (int j = 0; j + 1 < after.length; j++) {
                Pair now = new Pair(after[j], after[j + 1]);
                Occurrences entry = pairs.computeIfAbsent(now, key -> new Occurrences());
                entry.count += count;
                if (now.left == symbol || now.right == symbol) {
                    entry.addWord(word);
                    risen.add(now);
                }
            }
            words.set(word, after);
        }
        pairs.remove(pair);
        for (Pair changed : risen) {
            Occurrences entry = pairs.get(changed);
            if (entry != null) {
                enqueue(changed, entry);
            }
        }
    }

    private void enqueue(Pair pair, Occurrences occurrences) {
        if (occurrences.count >= MIN_COUNT) {
            queue.add(new Candidate(occurrences.count, pair));
        }
    }

    private static int[] replace(int[] word, Pair pair, int symbol) {
        int[] merged = new int[word.length];
        int length = 0;
        for (int i = 0; i < word.length; i++) {
            if (i + 1 < word.length && word[i] == pair.left && word[i + 1] == pair.right) {
                merged[length++] = symbol;
                i++;
            } else {
                merged[length++] = word[i];
            }
        }
        return length == word.length ? word : Arrays.copyOf(merged, length);
    }
}
