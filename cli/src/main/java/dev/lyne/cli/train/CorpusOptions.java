package dev.lyne.cli.train;

import dev.lyne.student.corpus.Corpus;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that name a text. */
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class CorpusOptions {
    @Option(
            names = "--corpus",
            required = true,
            split = ",",
            paramLabel = "PATH",
            description = "Text files, JSON Lines (either as .gz or .zst, too) or directories.")
    private List<Path> corpus;

    @Option(names = "--text-field", description = "Field of a JSON line that holds the text.")
    private @Nullable String textField;

    @Option(
            names = "--skip-invalid",
            description = "Pass over documents that cannot be read, counting them and naming the first.")
    private boolean skipInvalid;

    /** The text, of which no document is read yet. */
    Corpus corpus() throws IOException {
        return Corpus.of("--corpus", corpus, Optional.ofNullable(textField), skipInvalid);
    }
}
