package dev.lyne.student.train;

import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.tokenizer.BytePairTrainer;
import dev.lyne.lm.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A corpus, a tokenizer and the shape of a model, all tiny, and settings for runs on them. */
final class TinyRun {
    private static final List<String> WORDS =
            List.of("the", "still", "boils", "and", "its", "vapour", "rises", "through", "a", "lyne", "arm", "slowly");

    /** Refusal of {@link #computeOtherwise}. */
    static final String OTHER_ARITHMETIC = "student.head_size: 4 (expected: 8); student.heads: 4 (expected: 2); "
            + "student.key_value_heads: 2 (expected: 1); student.rms_norm_epsilon: 0.001 (expected: 1.0E-5); "
            + "student.rope_theta: 500.0 (expected: 10000.0)";

    final Path directory;
    final Path corpus;
    final Path heldOut;
    final Path tokenizer;
    final Path shape;
    final int vocabularySize;

    TinyRun(Path directory) throws IOException {
        this.directory = directory;
        this.corpus = directory.resolve("corpus.jsonl");
        this.heldOut = directory.resolve("held-out.jsonl");
        this.tokenizer = Files.createDirectories(directory.resolve("tokenizer"));
        this.shape = directory.resolve("config.json");
        Random random = new Random(7);
        Files.writeString(corpus, lines(random, 24));
        Files.writeString(heldOut, lines(random, 4));
        BytePairTrainer trainer = new BytePairTrainer(List.of("<|endoftext|>"));
        trainer.add(Files.readString(corpus));
        trainer.train(300, (done, total) -> {}).write(tokenizer);
        try (Tokenizer loaded = Tokenizer.load(tokenizer)) {
            vocabularySize = loaded.vocabularySize();
        }
        ModelConfiguration.llama(new ModelConfiguration.Sizes(vocabularySize, 64, 16, 2), 2, 1, 32, 10_000, true)
                .write(directory);
    }

    /** Has the student compute something else with tensors of the same shapes: 4 heads of 4 in place of 2 of 8. */
    void computeOtherwise() throws IOException {
        JsonMapper json = JsonMapper.builder().build();
        ObjectNode all = (ObjectNode) json.readTree(Files.readAllBytes(shape));
        all.put("num_attention_heads", 4);
        all.put("num_key_value_heads", 2);
        all.put("head_dim", 4);
        all.put("rms_norm_eps", 0.001);
        all.put("rope_theta", 500.0);
        all.remove("rope_parameters");
        Files.write(shape, json.writeValueAsBytes(all));
    }

    private static String lines(Random random, int count) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < count; i++) {
            String sentence = String.join(
                    " ",
                    IntStream.range(0, 30 + random.nextInt(30))
                            .mapToObj(j -> WORDS.get(random.nextInt(WORDS.size())))
                            .toList());
            text.append("{\"text\":\"").append(sentence).append("\"}\n");
        }
        return text.toString();
    }

    /** Settings of a run into the directory of that name, with others on top. */
    TrainingConfig config(String out, Map<Setting, String> others) throws IOException {
        return config(out, others, Map.of());
    }

    /** The same with settings of several values, too. */
    TrainingConfig config(String out, Map<Setting, String> others, Map<Setting, List<String>> lists)
            throws IOException {
        Map<Setting, List<String>> flags = new EnumMap<>(Setting.class);
        flags.put(Setting.NAME, List.of("tiny"));
        flags.put(Setting.OUT, List.of(directory.resolve(out).toString()));
        flags.put(Setting.STUDENT, List.of(shape.toString()));
        flags.put(Setting.TOKENIZER, List.of(tokenizer.toString()));
        flags.put(Setting.CORPUS, List.of(corpus.toString()));
        flags.put(Setting.HELD_OUT, List.of(heldOut.toString()));
        flags.put(Setting.CACHE, List.of(directory.resolve("tokens").toString()));
        flags.put(Setting.CONTEXT, List.of("24"));
        flags.put(Setting.BATCH, List.of("4"));
        flags.put(Setting.MICRO_BATCH_TOKENS, List.of("60"));
        flags.put(Setting.STEPS, List.of("8"));
        flags.put(Setting.EVALUATE_EVERY, List.of("3"));
        flags.put(Setting.CHECKPOINT_EVERY, List.of("2"));
        flags.put(Setting.LEARNING_RATE, List.of("0.01"));
        flags.put(Setting.WARMUP_STEPS, List.of("2"));
        flags.put(Setting.THREADS, List.of("1"));
        flags.put(Setting.SAMPLES, List.of("1"));
        others.forEach(
                (setting, value) -> flags.put(setting, setting.isList() ? List.of(value.split(",")) : List.of(value)));
        flags.putAll(lists);
        return TrainingConfig.of(Settings.of(flags));
    }
}
