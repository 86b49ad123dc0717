package dev.lyne.lm.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class BytePairTrainerTest {
    private static final List<String> SPECIAL = List.of("<|endoftext|>");

    private static BytePairVocabulary train(int size, String... texts) {
        BytePairTrainer trainer = new BytePairTrainer(SPECIAL);
        for (String text : texts) {
            trainer.add(text);
        }
        return trainer.train(size, (learned, wanted) -> {});
    }

    private static List<String> learned(BytePairVocabulary vocabulary) {
        return vocabulary.tokens().subList(257, vocabulary.tokens().size());
    }

    @Test
    void train_tinyText_mergesAsByHand() {
        // Words: aaab, _aaab, _ab. (a,a) 4 times, (a,b) 3, (_,a) 2; then (a,b) 3, (aa,a) 2; then (aa,ab) 2; then
        // nothing twice.
        BytePairVocabulary vocabulary = train(1000, "aaab aaab ab");
        assertThat(learned(vocabulary)).containsExactly("aa", "ab", "aaab");
        assertThat(vocabulary.tokens().get(0)).isEqualTo("<|endoftext|>");
        assertThat(vocabulary.tokens().get(1)).isEqualTo("!");
        int a = vocabulary.tokens().indexOf("a");
        int b = vocabulary.tokens().indexOf("b");
        assertThat(vocabulary.merges())
                .containsExactly(
                        new BytePairVocabulary.Merge(a, a),
                        new BytePairVocabulary.Merge(a, b),
                        new BytePairVocabulary.Merge(257, 258));
    }

    @Test
    void train_equalCounts_lowerIdsFirst() {
        // (x,y) and (c,d) twice each: c comes before x.
        assertThat(learned(train(1000, "xy.cd.xy.cd"))).containsExactly("cd", "xy");
    }

    @Test
    void train_sizeReached_stops() {
        assertThat(train(258, "aaab aaab ab").tokens()).hasSize(258);
        assertThat(train(257, "aaab aaab ab").merges()).isEmpty();
    }

    @Test
    void train_specialTokenInText_separatesOnly() {
        assertThat(learned(train(1000, "ab<|endoftext|>ab"))).containsExactly("ab");
    }

    @Test
    void train_wordRules_followGpt2() {
        // Contractions, a space before a word, digits apart from letters, the last of several spaces with the word.
        BytePairVocabulary vocabulary = train(1000, "it's it's", "a12 a12", "q   q   q   q");
        assertThat(learned(vocabulary)).contains("'s", "it", "12", "ĠĠ", "Ġq").doesNotContain("it's", "a12", "ĠĠq");
    }

    @Test
    void train_textsInAnyOrder_giveTheSameVocabulary() {
        long seed = 11;
        List<String> texts = new ArrayList<>(IntStream.range(0, 300)
                .mapToObj(i -> sentence(new Random(seed + i)))
                .toList());
        BytePairVocabulary one = train(600, texts.toArray(new String[0]));
        Collections.shuffle(texts, new Random(seed));
        assertThat(train(600, texts.toArray(new String[0]))).as("seed %d", seed).isEqualTo(one);
        assertThat(one.tokens()).hasSize(600).doesNotHaveDuplicates();
    }

    /** The counts kept up to date equal counts made anew: checked by the plain algorithm. */
    @Test
    void train_randomText_equalsThePlainAlgorithm() {
        long seed = 23;
        Random random = new Random(seed);
        List<String> texts = IntStream.range(0, 60)
                .mapToObj(i -> random.ints(1 + random.nextInt(12), 0, 3)
                        .mapToObj(letter -> "abc".substring(letter, letter + 1))
                        .reduce("", String::concat))
                .toList();
        BytePairVocabulary fast = train(330, texts.toArray(new String[0]));
        assertThat(fast.merges()).as("seed %d", seed).isEqualTo(PlainTrainer.merges(texts, fast, 330));
    }

    @Test
    void train_tooSmallVocabulary_isRefused() {
        assertThatThrownBy(() -> train(256, "a"))
                .hasMessage("vocabulary size: 256 (expected: at least 257, the bytes and 1 special tokens)");
        assertThatThrownBy(() -> new BytePairTrainer(List.of("a", "a"))).hasMessageContaining("distinct");
        assertThatThrownBy(() -> train(300, "a\uD800b"))
                .hasMessage("text: unpaired surrogate U+D800 at index 1 (expected: valid Unicode)");
    }

    private static String sentence(Random random) {
        StringBuilder text = new StringBuilder();
        for (int word = 0; word < 12; word++) {
            int length = 1 + random.nextInt(6);
            for (int i = 0; i < length; i++) {
                text.append((char) ('a' + (int) Math.abs(random.nextGaussian() * 4) % 26));
            }
            text.append(' ');
        }
        return text.toString();
    }
}
