package dev.lyne.teacher.model;

import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.row.TextConventions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** A Hugging Face directory as a teacher. Its vocabulary is the tokenizer's; the model's padded columns do not count. */
public final class LanguageModelTeacher implements LocalModel {
    private static final int WARM_UP_TOKENS = 256;
    private static final int WARM_UP_K = 64;

    private final ScoringModel model;
    private final TeacherDescription description;
    private final List<TokenizerFile> tokenizer;
    private final String device;

    private LanguageModelTeacher(
            ScoringModel model, TeacherDescription description, List<TokenizerFile> tokenizer, String device) {
        this.model = model;
        this.description = description;
        this.tokenizer = tokenizer;
        this.device = device;
    }

    /**
     * Loads {@code config.json}, the weights and {@code tokenizer.json}.
     *
     * @param name unique within the server
     * @param deterministic each sequence computed alone, so that equal fingerprints give equal bytes
     * @throws IllegalArgumentException where the directory is not a model that is understood, or its tokenizer does not fit
     */
    public static LanguageModelTeacher load(String name, Path directory, ModelOptions options, boolean deterministic) {
        int vocabularySize;
        byte[] tokenizerDigest;
        TextConventions conventions;
        List<TokenizerFile> files;
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            tokenizer.checkFits(ModelConfiguration.read(directory));
            vocabularySize = tokenizer.vocabularySize();
            tokenizerDigest = tokenizer.digest();
            conventions = tokenizer.conventions(tokenizer.wrapping());
            files = TokenizerFile.read(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        int rowChunk = ScoringOptions.of(vocabularySize).rowChunk();
        ScoringModel model =
                ScoringModel.load(directory, options, new ScoringOptions(vocabularySize, rowChunk, deterministic));
        TeacherDescription description = new TeacherDescription(
                name,
                model.digest(),
                tokenizerDigest,
                vocabularySize,
                model.configuration().sizes().contextLength(),
                model.fingerprint(),
                model.configuration().modelType(),
                model.parameters(),
                deterministic,
                0,
                Optional.of(conventions));
        return new LanguageModelTeacher(model, description, files, options.device());
    }

    /**
     * Refuses what {@link #load} would refuse before it reads weights: the configuration, the tokenizer, and what the weights' headers say.
     *
     * @throws IllegalArgumentException likewise
     */
    public static void check(Path directory) throws IOException {
        ModelConfiguration configuration = ModelConfiguration.read(directory);
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            tokenizer.checkFits(configuration);
        }
        ScoringModel.check(directory, configuration);
    }

    @Override
    public TeacherDescription description() {
        return description;
    }

    @Override
    public List<TokenizerFile> tokenizer() {
        return tokenizer;
    }

    @Override
    public String device() {
        return device;
    }

    @Override
    public void warmUp() {
        int length = Math.min(WARM_UP_TOKENS, description.contextLength());
        int[] tokens = IntStream.range(0, length)
                .map(i -> i % description.vocabularySize())
                .toArray();
        int k = Math.min(WARM_UP_K, description.vocabularySize());
        List<ScoreOutcome> unused = model.score(
                List.of(new ScoreItem(tokens, IntStream.range(0, length).toArray())), RowContent.topK(k));
    }

    @Override
    public List<ScoreOutcome> score(List<ScoreItem> items, RowContent content) {
        return model.score(items, content);
    }

    @Override
    public Optional<LocalDecoder> decoder(long maxCacheBytes) {
        return Optional.of(new LanguageModelDecoder(model.decoder(maxCacheBytes)));
    }

    @Override
    public void close() {
        model.close();
    }
}
