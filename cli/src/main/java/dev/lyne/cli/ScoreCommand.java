package dev.lyne.cli;

import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.student.client.TargetRequest;
import dev.lyne.student.client.TargetSequence;
import dev.lyne.student.client.TargetSource;
import dev.lyne.student.client.TargetStream;
import dev.lyne.student.client.Targets;
import dev.lyne.student.client.TeacherClient;
import dev.lyne.student.client.TeacherExpectation;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.Callable;
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
final class ScoreCommand implements Callable<Integer> {
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
    record Entry(int id, String token, double logProbability) {}

    @Option(names = "--teacher", paramLabel = "HOST:PORT", required = true, description = "The teacher server.")
    private String teacher;

    @Mixin
    private TeacherSecurityOptions security;

    @Mixin
    private TeacherPatienceOptions patience;

    @Option(
            names = "--tokenizer",
            paramLabel = "DIR",
            description = "Directory of the teacher's tokenizer.json (default: the demo teacher's).")
    private @Nullable Path tokenizerDirectory;

    @Option(
            names = "--top-k",
            paramLabel = "K",
            defaultValue = "5",
            description = "Entries a row (default: ${DEFAULT-VALUE}).")
    private int k;

    @Parameters(paramLabel = "TEXT", description = "The text to score.")
    private String text;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        Path directory =
                Home.tokenizer("--tokenizer", tokenizerDirectory == null ? Home.demoTeacher() : tokenizerDirectory);
        TeacherClient.requireUsable(teacher, security.security());
        try (Tokenizer tokenizer = Tokenizer.load(directory)) {
            int[] tokens = tokens(tokenizer);
            var expectation = new TeacherExpectation(
                    null, HexFormat.of().formatHex(tokenizer.digest()), tokenizer.vocabularySize(), null);
            try (TargetSource source = TeacherClient.connect(
                            teacher, patience.client("score", security).build());
                    TargetStream stream = source.open(TargetRequest.topK(k, List.of(), expectation))) {
                stream.offer(TargetSequence.whole(0, tokens));
                List<Row> rows = rows(tokenizer, stream.take());
                json.write(rows);
                if (!json.toStdout()) {
                    print(System.out, rows);
                }
            }
        }
        return 0;
    }

    private int[] tokens(Tokenizer tokenizer) {
        int[] encoded = tokenizer.encode(text);
        int[] tokens = encoded;
        if (tokenizer.bosId().isPresent()) {
            tokens = new int[encoded.length + 1];
            tokens[0] = tokenizer.bosId().getAsInt();
            System.arraycopy(encoded, 0, tokens, 1, encoded.length);
        }
        if (tokens.length < 2) {
            throw new IllegalArgumentException("text: " + tokens.length + " tokens (expected: at least 2)");
        }
        return tokens;
    }

    private static List<Row> rows(Tokenizer tokenizer, Targets targets) {
        List<Row> rows = new ArrayList<>();
        int[] tokens = targets.sequence().tokens();
        String source = targets.rowsBySource().keySet().iterator().next().name();
        for (int row = 0; row < targets.rows(); row++) {
            List<Entry> top = new ArrayList<>();
            for (int i = row * targets.stride(); i < row * targets.stride() + targets.counts()[row]; i++) {
                int id = targets.ids()[i];
                top.add(new Entry(id, readable(tokenizer, id), targets.logProbabilities()[i]));
            }
            int position = targets.positions()[row];
            rows.add(new Row(
                    position,
                    readable(tokenizer, tokens[position]),
                    readable(tokenizer, tokens[position + 1]),
                    targets.dataLogProbability()[row],
                    Math.exp(targets.logTailMass()[row]),
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
