package dev.lyne.student.train;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lyne.files.AtomicFile;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.student.tokens.Window;
import dev.lyne.student.tokens.Windows;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** Continuations of held-out beginnings, for people to read. Seeded, so that a model says the same each time. */
public final class Samples {
    private static final int PROMPT_TOKENS = 24;
    private static final int NEW_TOKENS = 48;
    private static final double TEMPERATURE = 0.8;
    private static final double TOP_P = 0.95;
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    private Samples() {}

    /** A beginning, as tokens and as text, and what a model made of it. */
    public record Sample(
            @JsonProperty("prompt_tokens") List<Integer> promptTokens, String prompt, String continuation) {
        public Sample {
            promptTokens = List.copyOf(promptTokens);
        }
    }

    /** A generator that continues token ids: the model of a run, or its teacher's. */
    public interface Generator {
        /** A continuation of the prompt that ends at any of {@code stopIds}. */
        int[] generate(
                int[] prompt, int maxNewTokens, double temperature, double topP, long seed, Set<Integer> stopIds);
    }

    /** Beginnings of held-out windows, evenly spread, continued by a model up to any of {@code stopIds}. */
    static List<Sample> of(Generator model, Tokenizer tokenizer, Set<Integer> stopIds, Windows heldOut, int count) {
        List<int[]> prompts = new ArrayList<>();
        long all = Math.min(count, heldOut.count());
        for (long i = 0; i < all; i++) {
            Window window = heldOut.window(i * heldOut.count() / all);
            int length = Math.min(PROMPT_TOKENS, Math.max(1, window.tokens().length / 2));
            prompts.add(Arrays.copyOf(window.tokens(), length));
        }
        return continued(model, tokenizer, stopIds, prompts, heldOut.context());
    }

    /** The beginnings of other samples, continued by another model of the same tokenizer up to any of {@code stopIds}. */
    public static List<Sample> continuedBy(
            Generator model, Tokenizer tokenizer, Set<Integer> stopIds, List<Sample> samples, int contextLength) {
        List<int[]> prompts = samples.stream()
                .map(sample -> sample.promptTokens().stream()
                        .mapToInt(Integer::intValue)
                        .toArray())
                .toList();
        return continued(model, tokenizer, stopIds, prompts, contextLength);
    }

    private static List<Sample> continued(
            Generator model, Tokenizer tokenizer, Set<Integer> stopIds, List<int[]> prompts, int contextLength) {
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
            int[] prompt = prompts.get(i);
            int[] continuation = model.generate(
                    prompt, Math.min(NEW_TOKENS, contextLength - prompt.length), TEMPERATURE, TOP_P, i, stopIds);
            samples.add(new Sample(
                    Arrays.stream(prompt).boxed().toList(), tokenizer.decode(prompt), tokenizer.decode(continuation)));
        }
        return samples;
    }

    static void write(Path file, List<Sample> samples) throws IOException {
        AtomicFile.write(file, JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(samples));
    }

    /** Reads a run's {@code samples.json}. */
    public static List<Sample> read(Path file) throws IOException {
        return JSON.readValue(Files.readAllBytes(file), new TypeReference<List<Sample>>() {});
    }
}
