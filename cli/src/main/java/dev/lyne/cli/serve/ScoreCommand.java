package dev.lyne.cli.serve;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.cli.common.TeacherSecurityOptions;
import dev.lyne.cli.common.TeacherTimeoutOptions;
import dev.lyne.cli.common.TemporaryDirectory;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetSource;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.client.TokenizerDownload;
import dev.lyne.client.capture.CaptureSource;
import dev.lyne.lm.tokenizer.DocumentWrapping;
import dev.lyne.lm.tokenizer.TokenChoice;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.load.process.Home;
import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.wire.RowFormat;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows the rows of a text: for a first look, and for debugging. */
@Command(
        name = "score",
        description = "The teacher's rows for a text: at each position, what it expects next.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
public final class ScoreCommand implements Callable<Integer> {
    /** A row for people and for JSON. */
    record Row(
            int position,
            String token,
            String next,
            double nextLogProbability,
            double tailMass,
            List<Entry> top,
            String source) {}

    /** A kept entry. */
    public record Entry(int id, String token, double logProbability) {}

    @Option(names = "--teacher", paramLabel = "HOST:PORT", description = "The teacher server.")
    private @Nullable String teacher;

    @Option(
            names = "--targets",
            paramLabel = "DIR",
            description = "A capture, in place of a server; it has the rows of whole sequences that were captured.")
    private @Nullable Path targets;

    @Mixin
    private TeacherSecurityOptions security;

    @Mixin
    private TeacherTimeoutOptions timeouts;

    @Option(
            names = "--tokenizer",
            paramLabel = "DIR",
            description =
                    "Directory of the teacher's tokenizer.json (default: the one that --teacher sends; with --targets, the demo teacher's).")
    private @Nullable Path tokenizerDirectory;

    @Option(
            names = "--top-k",
            paramLabel = "K",
            defaultValue = "5",
            description = "Entries a row (default: ${DEFAULT-VALUE}).")
    private int k;

    @Option(
            names = "--row-precision",
            paramLabel = "NAME",
            description =
                    "How rows are coded on their way: exact, half or compact (default: exact; with --targets, as captured).")
    private @Nullable String precision;

    @Option(
            names = "--bos",
            defaultValue = "auto",
            paramLabel = "auto|none|ID",
            description = "Token before the text (default: auto, as the tokenizer says).")
    private String bos;

    @Option(
            names = "--eos",
            defaultValue = "none",
            paramLabel = "auto|none|ID",
            description = "Token after the text (default: none; auto: the one that ends a document).")
    private String eos;

    @Parameters(paramLabel = "TEXT", description = "The text to score.")
    private String text;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        requireOneSource();
        if (tokenizerDirectory != null) {
            Home.tokenizer("--tokenizer", tokenizerDirectory);
        }
        Optional<Precision> asked = asked();
        if (teacher != null) {
            TeacherClient.requireUsable(teacher, security.security());
        }
        try (TemporaryDirectory temporary = TemporaryDirectory.create("lyne-tokenizer");
                Tokenizer tokenizer = Tokenizer.load(tokenizerDirectory(temporary.path()))) {
            DocumentWrapping around =
                    tokenizer.wrapping(TokenChoice.parse("--bos", bos), TokenChoice.parse("--eos", eos), List.of());
            System.err.println(around.describe());
            int[] tokens = tokens(tokenizer, around);
            var expectation = new TeacherExpectation(
                    null, HexFormat.of().formatHex(tokenizer.digest()), tokenizer.vocabularySize(), null);
            try (TargetSource source = source(tokens.length);
                    TargetStream stream = source.open(request(source, asked, expectation))) {
                if (!stream.offer(TargetSequence.whole(0, tokens))) {
                    throw new IllegalStateException("text: " + tokens.length + " tokens do not fit into the stream");
                }
                List<Row> rows = rows(tokenizer, stream.take());
                json.write(JsonReport.figures(rows));
                if (!json.toStdout()) {
                    print(System.out, rows);
                }
            }
        }
        return 0;
    }

    private void requireOneSource() {
        if ((teacher == null) == (targets == null)) {
            throw new IllegalArgumentException("--teacher: " + (teacher == null ? "none" : teacher) + ", --targets: "
                    + (targets == null ? "none" : targets) + " (expected: one of them)");
        }
    }

    /** The tokenizer that was named, else the teacher's, as its server sends it; a capture has none to send. */
    private Path tokenizerDirectory(Path temporary) throws IOException {
        if (tokenizerDirectory != null) {
            return tokenizerDirectory;
        }
        if (teacher == null) {
            return Home.tokenizer("--tokenizer", Home.demoTeacher());
        }
        TokenizerDownload.into(
                temporary, teacher, timeouts.client("score", security).build());
        return temporary;
    }

    private Optional<Precision> asked() {
        if (precision == null) {
            return Optional.empty();
        }
        return Arrays.stream(Precision.values())
                .filter(one -> one.name().toLowerCase(Locale.ROOT).equals(precision))
                .findFirst()
                .or(() -> {
                    throw new IllegalArgumentException(
                            "--row-precision: " + precision + " (expected: exact, half or compact)");
                });
    }

    private TargetSource source(int tokens) throws IOException {
        if (targets != null) {
            return CaptureSource.open(targets, new CaptureSource.Options(1, tokens, true));
        }
        return TeacherClient.connect(
                Objects.requireNonNull(teacher),
                timeouts.client("score", security).build());
    }

    private TargetRequest request(TargetSource source, Optional<Precision> asked, TeacherExpectation expectation) {
        Precision own = Precision.EXACT;
        if (source instanceof CaptureSource capture) {
            RowFormat held = capture.manifest().rows();
            own = held.precision();
        }
        return new TargetRequest(new Selection.TopK(k, List.of()), asked.orElse(own), false, expectation);
    }

    private int[] tokens(Tokenizer tokenizer, DocumentWrapping around) {
        IntStream.Builder all = IntStream.builder();
        around.bosId().ifPresent(all::add);
        Arrays.stream(tokenizer.encode(text)).forEach(all::add);
        around.eosId().ifPresent(all::add);
        int[] tokens = all.build().toArray();
        if (tokens.length < 2) {
            throw new IllegalArgumentException("text: " + tokens.length + " tokens (expected: at least 2)");
        }
        return tokens;
    }

    private static List<Row> rows(Tokenizer tokenizer, Targets targets) {
        List<Row> rows = new ArrayList<>();
        int[] tokens = targets.sequence().tokens();
        String source =
                targets.rowsBySource().keySet().iterator().next().toString().toUpperCase(Locale.ROOT);
        for (int row = 0; row < targets.rows(); row++) {
            List<Entry> top = new ArrayList<>();
            for (int i = row * targets.columns().stride();
                    i < row * targets.columns().stride() + targets.columns().counts()[row];
                    i++) {
                int id = targets.columns().ids()[i];
                top.add(new Entry(id, readable(tokenizer, id), targets.columns().logProbabilities()[i]));
            }
            int position = targets.positions()[row];
            rows.add(new Row(
                    position,
                    readable(tokenizer, tokens[position]),
                    readable(tokenizer, tokens[position + 1]),
                    targets.columns().labelLogProbability()[row],
                    Math.exp(targets.columns().logTailMass()[row]),
                    top,
                    source));
        }
        return rows;
    }

    private static String readable(Tokenizer tokenizer, int id) {
        String decoded = tokenizer.decode(new int[] {id});
        return decoded.isEmpty() ? tokenizer.token(id) : decoded.replace("\n", "\\n");
    }

    private static void print(PrintStream out, List<Row> rows) {
        out.printf("%8s  %-16s  %-16s %8s  %6s  %s%n", "position", "token", "next", "p(next)", "tail", "expected next");
        double nats = 0;
        for (Row row : rows) {
            StringBuilder expected = new StringBuilder();
            for (Entry entry : row.top()) {
                expected.append(String.format("%s %.3f  ", quoted(entry.token()), Math.exp(entry.logProbability())));
            }
            out.printf(
                    "%8d  %-16s  %-16s %8.4f  %6.3f  %s%n",
                    row.position(),
                    quoted(row.token()),
                    quoted(row.next()),
                    Math.exp(row.nextLogProbability()),
                    row.tailMass(),
                    expected);
            nats -= row.nextLogProbability();
        }
        out.printf(
                "nll %.4f nats a token over %d positions, source %s%n",
                nats / rows.size(), rows.size(), rows.get(0).source());
    }

    private static String quoted(String token) {
        return "'" + token + "'";
    }
}
