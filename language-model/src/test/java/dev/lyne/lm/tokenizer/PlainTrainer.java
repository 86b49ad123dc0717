package dev.lyne.lm.tokenizer;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Byte-pair training by counting every pair anew for every merge; each text is one ASCII word. */
final class PlainTrainer {
    private PlainTrainer() {}

    static List<BytePairVocabulary.Merge> merges(List<String> words, BytePairVocabulary bytes, int size) {
        List<List<Integer>> symbols = new ArrayList<>();
        for (String word : words) {
            List<Integer> ids = new ArrayList<>();
            word.chars().forEach(letter -> ids.add(bytes.tokens().indexOf(Character.toString(letter))));
            symbols.add(ids);
        }
        List<BytePairVocabulary.Merge> merges = new ArrayList<>();
        for (int next = 257; next < size; next++) {
            Map<List<Integer>, Integer> counts = new TreeMap<>(
                    Comparator.<List<Integer>>comparingInt(pair -> pair.get(0)).thenComparingInt(pair -> pair.get(1)));
            for (List<Integer> word : symbols) {
                for (int i = 0; i + 1 < word.size(); i++) {
                    counts.merge(List.copyOf(word.subList(i, i + 2)), 1, Integer::sum);
                }
            }
            Optional<Map.Entry<List<Integer>, Integer>> best = counts.entrySet().stream()
                    .filter(entry -> entry.getValue() >= 2)
                    .max(Map.Entry.<List<Integer>, Integer>comparingByValue()
                            .thenComparing(entry -> -entry.getKey().get(0))
                            .thenComparing(entry -> -entry.getKey().get(1)));
            if (best.isEmpty()) {
                break;
            }
            List<Integer> pair = best.get().getKey();
            merges.add(new BytePairVocabulary.Merge(pair.get(0), pair.get(1)));
            for (List<Integer> word : symbols) {
                for (int i = 0; i + 1 < word.size(); i++) {
                    if (word.subList(i, i + 2).equals(pair)) {
                        word.remove(i + 1);
                        word.set(i, next);
                    }
                }
            }
        }
        return merges;
    }
}
