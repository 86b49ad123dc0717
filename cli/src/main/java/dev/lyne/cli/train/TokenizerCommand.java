package dev.lyne.cli.train;

import dev.lyne.lm.tokenizer.BytePairTrainer;
import dev.lyne.lm.tokenizer.BytePairVocabulary;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.student.corpus.Corpus;
import dev.lyne.student.tokens.Document;
import dev.lyne.student.tokens.DocumentSource;
import dev.lyne.student.train.CorpusNotices;
import java.nio.file.Files;
import java.nio.file.LinkOption;
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
public final class TokenizerCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "no command given (expected: train)");
    }

    /** Trains one. */
    @Command(
            name = "train",
            description =
                    "Trains a byte-level BPE tokenizer on text and writes tokenizer.json; never over another one.",
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
            requireNothingThere();
            var trainer = new BytePairTrainer(List.of(specialToken));
            if (vocabularySize < trainer.fewestTokens()) {
                throw new IllegalArgumentException("--vocabulary-size: " + vocabularySize + " (expected: at least "
                        + trainer.fewestTokens() + ", the bytes and the special token)");
            }
            Corpus corpus = text.corpus();
            CorpusNotices.files("--corpus", corpus).forEach(System.err::println);
            var counter = new Counter(trainer);
            corpus.read(counter);
            counter.print();
            BytePairVocabulary vocabulary = trainer.train(vocabularySize, Train::progress);
            requireNothingThere();
            vocabulary.write(out);
            if (vocabulary.tokens().size() < vocabularySize) {
                System.err.printf(
                        "only %,d tokens (%,d were asked for): no pair of tokens comes twice in the text any more%n",
                        vocabulary.tokens().size(), vocabularySize);
            }
            System.out.printf(
                    "%s: %,d tokens%n",
                    out.resolve("tokenizer.json"), vocabulary.tokens().size());
            return 0;
        }

        /** A tokenizer that models were trained with is never replaced. */
        private void requireNothingThere() {
            for (String file : List.of(Tokenizer.FILE_NAME, Tokenizer.CONFIGURATION_FILE_NAME)) {
                if (Files.exists(out.resolve(file), LinkOption.NOFOLLOW_LINKS)) {
                    throw new IllegalArgumentException(
                            "--out: " + out + " holds a " + file + " (expected: a directory without one)");
                }
            }
        }

        /** Counts words of documents, and documents that cannot be read. */
        private static final class Counter implements DocumentSource.Sink {
            private final BytePairTrainer trainer;
            private long skipped;
            private String firstSkipped = "";

            Counter(BytePairTrainer trainer) {
                this.trainer = trainer;
            }

            @Override
            public void accept(Document document, long bytesRead) {
                trainer.add(document.prompt());
                trainer.add(document.text());
            }

            @Override
            public void skip(String reason) {
                firstSkipped = skipped++ == 0 ? reason : firstSkipped;
            }

            void print() {
                if (skipped > 0) {
                    System.err.printf("--corpus: %,d documents skipped, the first: %s%n", skipped, firstSkipped);
                }
            }
        }

        private static void progress(int learned, int wanted) {
            if (System.console() != null) {
                System.err.printf("\r%,d of %,d tokens%s", learned, wanted, learned == wanted ? "\n" : "");
            }
        }
    }
}
