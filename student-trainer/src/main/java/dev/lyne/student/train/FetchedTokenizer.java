package dev.lyne.student.train;

import dev.lyne.client.TokenizerDownload;
import dev.lyne.lm.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The teacher's tokenizer, for a run that has none of its own: it stands in the run's directory, so that it goes on without it. */
public final class FetchedTokenizer {
    private static final String DIRECTORY = "tokenizer";

    private FetchedTokenizer() {}

    /**
     * The settings, with the tokenizer at the one that the teacher's server sends where neither they nor the student's directory have
     * one, and a teacher is named.
     */
    public static Settings complete(Settings settings) throws IOException {
        if (settings.isGiven(Setting.TOKENIZER) || !settings.isGiven(Setting.TEACHER) || studentHasOne(settings)) {
            return settings;
        }
        Path directory = Path.of(settings.text(Setting.OUT)).resolve(DIRECTORY);
        if (!Files.isRegularFile(directory.resolve(Tokenizer.FILE_NAME))) {
            TokenizerDownload.into(
                    directory,
                    String.join(",", settings.list(Setting.TEACHER)),
                    settings.optional(Setting.TEACHER_NAME).orElse(""),
                    SecuritySettings.security(settings));
            System.err.println("tokenizer: the teacher's, written to " + directory);
        }
        return settings.with(Setting.TOKENIZER, directory.toString());
    }

    private static boolean studentHasOne(Settings settings) {
        return settings.isGiven(Setting.STUDENT)
                && Files.isRegularFile(TrainingConfig.directoryOf(Path.of(settings.text(Setting.STUDENT)))
                        .resolve(Tokenizer.FILE_NAME));
    }
}
