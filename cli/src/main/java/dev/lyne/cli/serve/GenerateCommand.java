package dev.lyne.cli.serve;

import dev.lyne.cli.common.AtLeast;
import dev.lyne.cli.common.LinePace;
import dev.lyne.cli.common.TeacherSecurityOptions;
import dev.lyne.cli.common.TeacherTimeoutOptions;
import dev.lyne.cli.common.TemporaryDirectory;
import dev.lyne.client.DecodeEvent;
import dev.lyne.client.DecodeSettings;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherDecoder;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.client.TokenizerDownload;
import dev.lyne.lm.tokenizer.DocumentWrapping;
import dev.lyne.lm.tokenizer.StopChoice;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.student.generate.CorpusGeneration;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Text of a teacher's: the continuation of a prompt, or of all prompts of a file. */
@Command(
        name = "generate",
        description =
                "The teacher's continuation of a prompt; or of all prompts of a file, for students to learn from.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
public final class GenerateCommand implements Callable<Integer> {
    @Option(names = "--teacher", paramLabel = "HOST:PORT", required = true, description = "The teacher server.")
    private String teacher;

    @Mixin
    private TeacherSecurityOptions security;

    @Mixin
    private TeacherTimeoutOptions timeouts;

    @Option(
            names = "--temperature",
            paramLabel = "T",
            defaultValue = "1",
            description = "Divides the logits; 0: the most probable token each time (default: ${DEFAULT-VALUE}).")
    private double temperature;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            defaultValue = "1",
            description =
                    "Draw among the most probable tokens that reach this probability (default: ${DEFAULT-VALUE}).")
    private double topP;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "0",
            description = "Seed of the draws (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            defaultValue = "256",
            description = "Most tokens of a continuation (default: ${DEFAULT-VALUE}).")
    private int maxTokens;

    @Option(
            names = "--eos",
            defaultValue = "auto",
            paramLabel = "auto|none|ID[,ID…]",
            description = "Tokens that end a continuation (default: auto, as the teacher's files say).")
    private String eos;

    @Option(
            names = "--corpus",
            paramLabel = "FILE",
            description = "Continue the prompts of this file, an object of JSON a line; needs --out.")
    private @Nullable Path corpus;

    @Option(
            names = "--prompt-field",
            paramLabel = "NAME",
            defaultValue = "prompt",
            description = "Where a line of --corpus has its prompt (default: ${DEFAULT-VALUE}).")
    private String promptField;

    @Option(
            names = "--out",
            paramLabel = "FILE.jsonl",
            description = "Where lines of prompt and response go; one that was broken off is gone on with.")
    private @Nullable Path out;

    @Option(
            names = "--in-flight",
            paramLabel = "N",
            defaultValue = "64",
            description = "Texts of --corpus at a time (default: ${DEFAULT-VALUE}).")
    private int inFlight;

    @Parameters(arity = "0..1", paramLabel = "PROMPT", description = "The text to continue.")
    private @Nullable String prompt;

    @Override
    public Integer call() throws Exception {
        AtLeast.require("--max-tokens", maxTokens, 1);
        AtLeast.require("--in-flight", inFlight, 1);
        StopChoice ends = StopChoice.parse("--eos", eos);
        if ((prompt == null) == (corpus == null) || (corpus == null) != (out == null)) {
            throw new IllegalArgumentException("PROMPT: " + (prompt == null ? "none" : "'" + prompt + "'")
                    + ", --corpus: " + (corpus == null ? "none" : corpus) + ", --out: " + (out == null ? "none" : out)
                    + " (expected: PROMPT, or --corpus with --out)");
        }
        if (corpus != null && !Files.isRegularFile(corpus)) {
            throw new IllegalArgumentException(
                    "--corpus: " + corpus + (Files.exists(corpus) ? " is no file" : " does not exist")
                            + " (expected: a file of JSON Lines with prompts)");
        }
        TeacherClient.requireUsable(teacher, security.security());
        try (TemporaryDirectory temporary = TemporaryDirectory.create("lyne-tokenizer")) {
            TokenizerDownload.into(
                    temporary.path(),
                    teacher,
                    timeouts.client("generate", security).build());
            try (Tokenizer tokenizer = Tokenizer.load(temporary.path());
                    TeacherClient client = TeacherClient.connect(
                            teacher, timeouts.client("generate", security).build());
                    TeacherDecoder decoder = client.decoder(settings(
                            tokenizer,
                            tokenizer.stopIds("--eos", ends),
                            client.describe().deterministic()))) {
                if (corpus != null && out != null) {
                    generate(decoder, tokenizer, corpus, out);
                } else if (prompt != null) {
                    continuePrompt(decoder, tokenizer, prompt, System.out);
                }
            }
        }
        return 0;
    }

    /** @param sameBits whether replicas have to agree on the last bits, which decide draws */
    private DecodeSettings settings(Tokenizer tokenizer, Set<Integer> stopIds, boolean sameBits) {
        TeacherExpectation expectation = new TeacherExpectation(
                null, HexFormat.of().formatHex(tokenizer.digest()), tokenizer.vocabularySize(), null);
        return new DecodeSettings(temperature, topP, seed, stopIds, expectation, sameBits);
    }

    private void continuePrompt(TeacherDecoder decoder, Tokenizer tokenizer, String text, PrintStream to)
            throws InterruptedException {
        DocumentWrapping around = tokenizer.wrapping();
        int[] ids = IntStream.concat(around.bosId().stream(), Arrays.stream(tokenizer.encode(text)))
                .toArray();
        int room = decoder.teacher().contextLength() - ids.length;
        if (ids.length < 1 || room < 1) {
            throw new IllegalArgumentException("PROMPT: " + ids.length
                    + " tokens (expected: 1 or more, and fewer than the teacher's context of "
                    + decoder.teacher().contextLength() + ")");
        }
        decoder.start(0, ids, Math.min(maxTokens, room));
        IntStream.Builder drawn = IntStream.builder();
        boolean stopped = false;
        while (decoder.isOwed()) {
            DecodeEvent event = decoder.take();
            if (event instanceof DecodeEvent.Answered answered) {
                stopped |= Arrays.stream(answered.drawnIds())
                        .anyMatch(decoder.settings().stopIds()::contains);
                Arrays.stream(answered.drawnIds())
                        .filter(id -> !decoder.settings().stopIds().contains(id))
                        .forEach(drawn::add);
            } else if (event instanceof DecodeEvent.Failed failed) {
                throw failed.failure();
            }
        }
        to.println(tokenizer.decode(drawn.build().toArray()));
        if (!stopped) {
            System.err.printf("cut at %,d tokens%n", Math.min(maxTokens, room));
        }
    }

    private void generate(TeacherDecoder decoder, Tokenizer tokenizer, Path from, Path to) throws Exception {
        LinePace pace = new LinePace();
        long startNanos = System.nanoTime();
        CorpusGeneration.Progress progress = new CorpusGeneration.Progress() {
            @Override
            public void update(long lines, long tokens) {
                if (pace.due()) {
                    System.err.printf(
                            "%,d texts written, %,.0f tokens/s%n",
                            lines, tokens / ((System.nanoTime() - startNanos) / 1e9));
                }
            }

            @Override
            public boolean isStopRequested() {
                return false;
            }
        };
        long lines = new CorpusGeneration(
                        decoder, tokenizer, new CorpusGeneration.Options(promptField, maxTokens, inFlight), progress)
                .run(from, to);
        System.err.printf("%s: %,d texts%n", to, lines);
    }
}
