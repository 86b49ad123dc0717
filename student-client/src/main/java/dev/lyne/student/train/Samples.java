package dev.lyne.student.train;

import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.lm.training.Trainable;
import dev.lyne.student.tokens.Window;
import dev.lyne.student.tokens.Windows;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/** Continuations of held-out beginnings, for people to read. */
public final class Samples {
    private static final int PROMPT_TOKENS = 24;
    private static final int NEW_TOKENS = 48;
    private static final double TEMPERATURE = 0.8;
    private static final double TOP_P = 0.95;
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private Samples() {}

    /** A beginning and what a model made of it. */
    public record Sample(String prompt, String continuation) {}

    /** A beginning as token ids. */
    @SuppressWarnings("ArrayRecordComponent") // a carrier of values; contents are never compared
    public record Prompt(int[] tokens) {}

    /** Beginnings of held-out windows, evenly spread, the same for every model of a tokenizer. */
    public static List<Prompt> prompts(Tokenizer tokenizer, Windows heldOut, int count) {
        List<Prompt> prompts = new ArrayList<>();
        for (long i = 0; i < Math.min(count, heldOut.count()); i++) {
            Window window = heldOut.window(i * heldOut.count() / Math.min(count, heldOut.count()));
            int length = Math.min(PROMPT_TOKENS, Math.max(1, window.tokens().length - 1));
            prompts.add(new Prompt(Arrays.copyOf(window.tokens(), length)));
        }
        return prompts;
    }

    /** What a model makes of each beginning; seeded, so that it says the same each time. */
    public static List<Sample> of(Trainable model, Tokenizer tokenizer, List<Prompt> prompts) {
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
            int[] prompt = prompts.get(i).tokens();
            int room = model.configuration().contextLength() - prompt.length;
            int[] continuation = model.generate(
                    prompt,
                    Math.min(NEW_TOKENS, room),
                    TEMPERATURE,
                    TOP_P,
                    i,
                    tokenizer.eosId().orElse(-1));
            samples.add(new Sample(tokenizer.decode(prompt), tokenizer.decode(continuation)));
        }
        return samples;
    }

    static void write(Path file, List<Sample> samples) throws IOException {
        Files.write(file, JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(samples));
    }

    /** Reads a run's {@code samples.json}. */
    public static List<Sample> read(Path file) throws IOException {
        return JSON.readValue(Files.readAllBytes(file), new TypeReference<List<Sample>>() {});
    }
}
