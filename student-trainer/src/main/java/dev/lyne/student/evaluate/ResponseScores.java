package dev.lyne.student.evaluate;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/** Scores of how good, varied and repetitive responses are, from their words or tokens alone. Pure functions. */
public final class ResponseScores {
    private static final Pattern NO_WORD = Pattern.compile("[^\\p{L}\\p{N}]+");

    private ResponseScores() {}

    /**
     * Rouge-L of a response: the F-measure of the longest common subsequence of words, 0 to 1 (Lin, 2004, with equal weight of precision and
     * recall). Words are runs of letters and digits in lower case, without stemming. Two texts without words are equal: 1.
     */
    public static double rougeL(String reference, String response) {
        List<String> expected = words(reference);
        List<String> found = words(response);
        if (expected.isEmpty() || found.isEmpty()) {
            return expected.isEmpty() && found.isEmpty() ? 1 : 0;
        }
        return 2.0 * longestCommonSubsequence(expected, found) / (expected.size() + found.size());
    }

    /** Distinct n-grams of all responses over all their n-grams, 0 to 1 (Li et al., 2016, arXiv 1510.03055); 0 where there are none. */
    public static double distinct(List<int[]> responses, int n) {
        Set<List<Integer>> seen = new HashSet<>();
        long all = 0;
        for (int[] response : responses) {
            for (List<Integer> gram : grams(response, n)) {
                seen.add(gram);
                all++;
            }
        }
        return all == 0 ? 0 : (double) seen.size() / all;
    }

    /** Share of a response's n-grams that occurred in it before, 0 to 1; 0 where it has none. */
    public static double repeated(int[] response, int n) {
        List<List<Integer>> grams = grams(response, n);
        return grams.isEmpty() ? 0 : 1 - (double) new HashSet<>(grams).size() / grams.size();
    }

    private static List<List<Integer>> grams(int[] tokens, int n) {
        if (n < 1) {
            throw new IllegalArgumentException("n: " + n + " (expected: 1 or more)");
        }
        List<List<Integer>> grams = new ArrayList<>();
        for (int start = 0; start + n <= tokens.length; start++) {
            List<Integer> gram = new ArrayList<>(n);
            for (int i = start; i < start + n; i++) {
                gram.add(tokens[i]);
            }
            grams.add(gram);
        }
        return grams;
    }

    private static List<String> words(String text) {
        return NO_WORD.splitAsStream(text.toLowerCase(Locale.ROOT))
                .filter(word -> !word.isEmpty())
                .toList();
    }

    private static int longestCommonSubsequence(List<String> a, List<String> b) {
        int[] row = new int[b.size() + 1];
        for (String word : a) {
            int diagonal = 0;
            for (int j = 1; j <= b.size(); j++) {
                int above = row[j];
                row[j] = word.equals(b.get(j - 1)) ? diagonal + 1 : Math.max(above, row[j - 1]);
                diagonal = above;
            }
        }
        return row[b.size()];
    }
}
