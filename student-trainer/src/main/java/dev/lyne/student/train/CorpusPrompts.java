package dev.lyne.student.train;

import dev.lyne.lm.tokenizer.DocumentWrapping;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.student.corpus.Corpus;
import dev.lyne.student.tokens.TextEncoder;
import dev.lyne.student.tokens.TokenStore;
import dev.lyne.student.tokens.Windows;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** The prompts that a run on own text would take of its corpus, as lines that {@code lyne generate --corpus} reads. */
public final class CorpusPrompts {
    private CorpusPrompts() {}

    /**
     * A fixed sample of them, a line of JSON each, without the token before a document.
     *
     * @param settings of the corpus and of prompts: tokenizer, corpus, text_field, skip_invalid, context, prompt_tokens, response_tokens
     * @param cache directory of tokenised corpora
     * @throws IllegalArgumentException where the corpus has fewer
     */
    public static List<String> lines(Settings settings, Path cache, long count) throws IOException {
        try (Tokenizer tokenizer = Tokenizer.load(Path.of(settings.text(Setting.TOKENIZER)))) {
            DocumentWrapping wrapping = tokenizer.wrapping();
            Corpus corpus = Corpus.of(
                    Setting.CORPUS.key(),
                    TrainingConfig.paths(settings, Setting.CORPUS),
                    settings.optional(Setting.TEXT_FIELD),
                    settings.flag(Setting.SKIP_INVALID));
            TokenStore store =
                    TokenStore.open(cache, corpus, TextEncoder.of(tokenizer, wrapping), 1, (done, total) -> {});
            Windows passages = new Windows(store, settings.integer(Setting.CONTEXT, 2, 1 << 24))
                    .passages()
                    .sample(count);
            List<String> lines = new ArrayList<>();
            if (passages.hasTeacherPrompts()) {
                throw Settings.refused(
                        Setting.CORPUS,
                        String.join(", ", settings.list(Setting.CORPUS)),
                        "one without teacher_prompt, which such lines lack");
            }
            for (long i = 0; i < count; i++) {
                int[] prompt = passages.passage(
                                i, settings.integer(Setting.PROMPT_TOKENS, 1, 1 << 24), responseTokens(settings))
                        .prompt();
                boolean bos = wrapping.bosId().isPresent()
                        && prompt[0] == wrapping.bosId().getAsInt();
                String text = tokenizer.decode(Arrays.copyOfRange(prompt, bos ? 1 : 0, prompt.length));
                lines.add(JsonMapper.shared().writeValueAsString(Map.of("prompt", text)));
            }
            return lines;
        }
    }

    /** How responses to them are written, as options of {@code lyne generate}. */
    public static List<String> options(Settings settings) {
        OnPolicySettings.Writing writing = OnPolicySettings.Writing.of(settings);
        return List.of(
                "--max-tokens",
                Integer.toString(writing.responseTokens()),
                "--temperature",
                Double.toString(writing.temperature()),
                "--top-p",
                Double.toString(writing.topP()));
    }

    /** Most tokens of a response to them. */
    private static int responseTokens(Settings settings) {
        return settings.integer(Setting.RESPONSE_TOKENS, 1, 1 << 24);
    }
}
