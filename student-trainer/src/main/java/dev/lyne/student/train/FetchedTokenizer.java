package dev.lyne.student.train;

import dev.lyne.client.TokenizerDownload;
import dev.lyne.lm.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/** The teacher's tokenizer, for a run that has none of its own: it stands in the run's directory, so that it goes on without it. */
public final class FetchedTokenizer {
    private static final String DIRECTORY = "tokenizer";

    private FetchedTokenizer() {}

    /**
     * The settings, with the tokenizer at the one that the teacher's server sends where neither they nor the student's directory have
     * one, and a teacher is named. Waits for that server for {@code retry_seconds} at most; what can be known to be wrong without it is
     * refused before.
     *
     * <p>A tokenizer that stands in the run's directory is not fetched again; a teacher with another one is refused when it is asked.
     *
     * @param lines for people: what is waited for, and where the tokenizer stands
     */
    public static Settings complete(Settings settings, Consumer<String> lines) throws IOException {
        if (settings.isGiven(Setting.TOKENIZER) || !settings.isGiven(Setting.TEACHER) || studentHasOne(settings)) {
            return settings;
        }
        Path directory = Path.of(settings.text(Setting.OUT)).resolve(DIRECTORY);
        if (!Files.isRegularFile(directory.resolve(Tokenizer.FILE_NAME))) {
            TrainingConfig.Distillation distillation = TrainingConfig.distillation(settings);
            RunInputs.corpus(settings);
            if (settings.isGiven(Setting.STUDENT)) {
                RunInputs.configuration(Path.of(settings.text(Setting.STUDENT)));
            }
            TokenizerDownload.into(
                    directory,
                    String.join(",", distillation.teachers()),
                    distillation
                            .contact()
                            .client(settings.text(Setting.NAME), lines::accept)
                            .build());
            lines.accept("tokenizer: the teacher's, written to " + directory);
        } else {
            lines.accept("tokenizer: the one in " + directory + ", which a teacher sent before");
        }
        return settings.with(Setting.TOKENIZER, directory.toString());
    }

    private static boolean studentHasOne(Settings settings) {
        return settings.isGiven(Setting.STUDENT)
                && Files.isRegularFile(TrainingConfig.directoryOf(Path.of(settings.text(Setting.STUDENT)))
                        .resolve(Tokenizer.FILE_NAME));
    }
}
