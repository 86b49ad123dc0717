package dev.lyne.cli.train;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.cli.common.ModelRuntimeOptions;
import dev.lyne.cli.common.TeacherSecurityOptions;
import dev.lyne.cli.common.TeacherTimeoutOptions;
import dev.lyne.cli.common.TemporaryDirectory;
import dev.lyne.cli.common.TokenisingLines;
import dev.lyne.client.ClientOptions;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.client.TokenizerDownload;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.lm.tokenizer.DocumentWrapping;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.lm.weights.ModelFiles;
import dev.lyne.load.process.Home;
import dev.lyne.student.corpus.Corpus;
import dev.lyne.student.evaluate.Evaluation;
import dev.lyne.student.evaluate.Evaluator;
import dev.lyne.student.evaluate.ReferenceTeacher;
import dev.lyne.student.tokens.TextEncoder;
import dev.lyne.student.tokens.TokenStore;
import dev.lyne.student.tokens.Windows;
import dev.lyne.student.train.CorpusNotices;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Held-out figures of a model directory. */
@Command(
        name = "evaluate",
        description =
                "Held-out loss, perplexity, accuracy, calibration error, agreement with a teacher and divergence from it.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
public final class EvaluateCommand implements Callable<Integer> {
    @Option(names = "--model", required = true, paramLabel = "DIR", description = "A Hugging Face model directory.")
    private Path model;

    @Option(
            names = "--tokenizer",
            paramLabel = "DIR",
            description = "Directory of tokenizer.json (default: the model's, else the one that --teacher sends).")
    private @Nullable Path givenTokenizer;

    @Mixin
    private CorpusOptions text;

    @Mixin
    private WrappingOptions wrapping;

    @Option(
            names = "--windows",
            paramLabel = "N",
            defaultValue = "0",
            description = "Windows of the corpus to take, a fixed sample in which smaller ones are held; 0: all"
                    + " (default: ${DEFAULT-VALUE}).")
    private long windowCount;

    @Option(
            names = "--context",
            defaultValue = "256",
            description = "Most tokens in a window (default: ${DEFAULT-VALUE}).")
    private int context;

    @Option(
            names = "--batch-tokens",
            defaultValue = "4096",
            description = "Most tokens in one forward (default: ${DEFAULT-VALUE}).")
    private int batchTokens;

    @Option(
            names = "--teacher",
            paramLabel = "HOST:PORT",
            description = "A teacher server to measure agreement and divergence with.")
    private @Nullable String teacher;

    @Option(
            names = "--top-k",
            defaultValue = "64",
            description =
                    "Tokens of a teacher row that the divergence is taken over, all others in one bucket (default: ${DEFAULT-VALUE}).")
    private int topK;

    @Mixin
    private TeacherSecurityOptions security;

    @Mixin
    private TeacherTimeoutOptions timeouts;

    @Mixin
    private ModelRuntimeOptions runtime;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        ModelOptions options = runtime.options();
        Corpus corpus = checkedCorpus();
        try (TemporaryDirectory temporary = TemporaryDirectory.create("lyne-tokens");
                Tokenizer tokenizer = Tokenizer.load(tokenizerDirectory(temporary.path()));
                ScoringModel scorer =
                        ScoringModel.load(model, options, new ScoringOptions(tokenizer.vocabularySize(), 256, false))) {
            tokenizer.checkFits(scorer.configuration());
            Windows windows = windows(corpus, tokenizer, scorer.configuration(), temporary.path());
            Evaluation result = teacher == null
                    ? Evaluator.evaluate(
                            scorer, Optional.empty(), windows, batchTokens, new WindowLines(System.err)::update)
                    : withTeacher(scorer, windows, tokenizer, teacher);
            json.write(result);
            if (!json.toStdout()) {
                print(System.out, result);
            }
        }
        return 0;
    }

    /** The tokenizer that was named, else the model's own, else the teacher's, as its server sends it. */
    private Path tokenizerDirectory(Path temporary) throws IOException {
        if (givenTokenizer != null) {
            return givenTokenizer;
        }
        if (teacher == null || Files.isRegularFile(model.resolve(Tokenizer.FILE_NAME))) {
            return model;
        }
        Path directory = temporary.resolve("tokenizer");
        TokenizerDownload.into(directory, teacher, client());
        return directory;
    }

    private ClientOptions client() {
        return timeouts.client("evaluate", security).build();
    }

    /** The corpus, once everything that was given is known to fit, and before any of it is read. */
    private Corpus checkedCorpus() throws IOException {
        ModelFiles.requireModel("--model", model);
        if (givenTokenizer != null) {
            Home.tokenizer("--tokenizer", givenTokenizer);
        } else if (teacher == null) {
            Home.tokenizer("--model", model);
        }
        int most = ModelConfiguration.read(model).sizes().contextLength();
        if (context < 2 || context > most) {
            throw new IllegalArgumentException(
                    "--context: " + context + " (expected: 2..max_position_embeddings=" + most + ", the model's)");
        }
        if (windowCount < 0) {
            throw new IllegalArgumentException("--windows: " + windowCount + " (expected: 0 or more)");
        }
        if (batchTokens < 1) {
            throw new IllegalArgumentException("--batch-tokens: " + batchTokens + " (expected: 1 or more)");
        }
        if (teacher != null) {
            TeacherClient.requireUsable(teacher, security.security());
        }
        if (topK < 1) {
            throw new IllegalArgumentException("--top-k: " + topK + " (expected: 1 or more)");
        }
        return text.corpus();
    }

    /** The windows of the corpus, whose documents end as they do for who trains the model. */
    private Windows windows(Corpus corpus, Tokenizer tokenizer, ModelConfiguration evaluated, Path cache)
            throws IOException {
        DocumentWrapping around = tokenizer.wrapping(
                wrapping.bos(), wrapping.eos(), evaluated.boundaries().eos());
        System.err.println(around.describe());
        TokenisingLines lines = new TokenisingLines(System.err, System::nanoTime);
        TokenStore store = TokenStore.open(
                cache,
                corpus,
                TextEncoder.of(tokenizer, around),
                Runtime.getRuntime().availableProcessors(),
                (done, total) -> lines.update("corpus", done, total));
        Windows all = new Windows(store, context);
        Windows windows = windowCount == 0 ? all : all.sample(windowCount);
        CorpusNotices.of("corpus", corpus, store, windows).forEach(System.err::println);
        return windows;
    }

    private Evaluation withTeacher(ScoringModel scorer, Windows windows, Tokenizer tokenizer, String teacher)
            throws InterruptedException {
        var expectation = new TeacherExpectation(
                null, HexFormat.of().formatHex(tokenizer.digest()), tokenizer.vocabularySize(), null);
        try (var client = TeacherClient.connect(teacher, client());
                var stream = client.open(TargetRequest.topK(topK, List.of(), expectation))) {
            return Evaluator.evaluate(
                    scorer,
                    Optional.of(ReferenceTeacher.of(stream)),
                    windows,
                    batchTokens,
                    new WindowLines(System.err)::update);
        }
    }

    private static void print(PrintStream out, Evaluation result) {
        out.printf("positions           %,d%n", result.tokens());
        out.printf("held-out loss       %.4f nats a token%n", result.nll());
        out.printf("perplexity          %.3f%n", result.perplexity());
        out.printf("accuracy            %.4f%n", result.accuracy());
        out.printf("calibration error   %.4f%n", result.calibrationError());
        if (result.teacherAgreement() != null) {
            out.printf("teacher agreement   %.4f%n", result.teacherAgreement());
            out.printf("KL from teacher     %.4f nats a token%n", result.teacherKl());
        }
    }
}
