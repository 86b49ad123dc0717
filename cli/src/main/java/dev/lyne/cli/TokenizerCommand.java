package dev.lyne.cli;

import dev.lyne.lm.tokenizer.BytePairTrainer;
import dev.lyne.lm.tokenizer.BytePairVocabulary;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Tokenizers. */
@Command(
        name = "tokenizer",
        description = "Makes tokenizers.",
        mixinStandardHelpOptions = true,
        subcommands = TokenizerCommand.Train.class)
@SuppressWarnings("NullAway.Init") // picocli sets the spec
final class TokenizerCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "no command given (expected: train)");
    }

    /** Trains one. */
    @Command(
            name = "train",
            description = "Trains a byte-level BPE tokenizer on text and writes tokenizer.json.",
            mixinStandardHelpOptions = true)
    @SuppressWarnings("NullAway.Init") // picocli sets the options
    static final class Train implements Callable<Integer> {
        @Mixin
        private CorpusOptions text;

        @Option(names = "--vocabulary-size", defaultValue = "4096", description = "Tokens (default: ${DEFAULT-VALUE}).")
        private int vocabularySize;

        @Option(
                names = "--special-token",
                defaultValue = "<|endoftext|>",
                description = "Token that begins and ends documents (default: ${DEFAULT-VALUE}).")
        private String specialToken;

        @Option(names = "--out", required = true, paramLabel = "DIR", description = "Directory to write to.")
        private Path out;

        @Override
        public Integer call() throws Exception {
            var trainer = new BytePairTrainer(List.of(specialToken));
            text.corpus().read((document, bytes) -> {
                trainer.add(document.prompt());
                trainer.add(document.text());
            });
            BytePairVocabulary vocabulary = trainer.train(vocabularySize, Train::progress);
            vocabulary.write(out);
            System.out.printf(
                    "%s: %,d tokens%n",
                    out.resolve("tokenizer.json"), vocabulary.tokens().size());
            return 0;
        }

        private static void progress(int learned, int wanted) {
            if (System.console() != null) {
                System.err.printf("\r%,d of %,d tokens%s", learned, wanted, learned == wanted ? "\n" : "");
            }
        }
    }
}
