package dev.lyne.load.bench;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.load.process.Home;
import dev.lyne.row.Proposal;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.student.rollout.Prompt;
import dev.lyne.student.rollout.Response;
import dev.lyne.student.rollout.RolloutWriter;
import dev.lyne.student.tokens.Window;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Benchmark of reverse KL on truncated rows against the whole vocabulary's, on text that students write themselves:
 * over k ids and one bucket of all others, the k being the teacher's most probable ids or the student's own. Of each
 * the divergence, which buckets make smaller, and its gradient in the student's logits, s_j (h_b(j) − Σ_b S_b h_b), h =
 * log(S/T).
 */
public final class TruncationBenchmark {
    private static final int PROMPT_TOKENS = 32;
    private static final long CACHE_BYTES = 512L << 20;

    /** The figures, a student each. */
    public record Result(String teacherDirectory, int responseTokens, List<Student> results) {}

    /**
     * A student's text.
     *
     * @param rows positions of its responses
     * @param reverseKlNats mean over the whole vocabulary
     * @param byDistance all rows, and then the thirds of them that are nearest to the teacher, in the middle and farthest
     */
    public record Student(String name, String directory, int rows, double reverseKlNats, List<Rows> byDistance) {
        /** All rows. */
        public Rows all() {
            return byDistance.get(0);
        }
    }

    /** Some rows and the truncations of them, by k. */
    public record Rows(String which, double reverseKlNats, List<Truncation> truncations) {}

    /**
     * A truncation.
     *
     * @param teacherIds share of the reverse KL that is left with the teacher's k most probable ids
     * @param studentIds the same with the student's
     * @param teacherGradientError root of the mean squared error of the gradient over the root mean square of the whole one, with the teacher's
     * @param studentGradientError the same with the student's
     */
    public record Truncation(
            int k, double teacherIds, double studentIds, double teacherGradientError, double studentGradientError) {}

    /** Sums over rows. */
    private static final class Sums {
        private double divergence;
        private double gradient;

        void add(double more, double error) {
            divergence += more;
            gradient += error;
        }
    }

    /** Figures of one row: the whole divergence and gradient, and those of each k. */
    @SuppressWarnings("ArrayRecordComponent") // a carrier of values; contents are never compared
    private record Row(double divergence, double gradient, double[][] truncated) {}

    private final List<Integer> ks;
    private final Consumer<String> progress;

    /** @param ks entries a row, from 1 */
    public TruncationBenchmark(List<Integer> ks, Consumer<String> progress) {
        if (ks.isEmpty() || ks.stream().anyMatch(k -> k < 1)) {
            throw new IllegalArgumentException("--top-k: " + ks + " (expected: numbers from 1)");
        }
        this.ks = List.copyOf(ks);
        this.progress = progress;
    }

    /**
     * Runs it.
     *
     * @param students directories by name
     * @param responses responses of each student, to beginnings of held-out text
     */
    public Result run(Path teacher, Map<String, Path> students, int responses, int responseTokens)
            throws IOException, InterruptedException {
        if (responses < 1 || responseTokens < 1 || responseTokens > CodecRows.POSITIONS - PROMPT_TOKENS) {
            throw new IllegalArgumentException("--responses: " + responses + ", --response-tokens: " + responseTokens
                    + " (expected: from 1, and from 1 to " + (CodecRows.POSITIONS - PROMPT_TOKENS) + ")");
        }
        int vocabulary = CodecRows.vocabularySize(teacher);
        for (int k : ks) {
            if (k >= vocabulary) {
                throw new IllegalArgumentException(
                        "--top-k: " + k + " (expected: under " + vocabulary + ", the vocabulary)");
            }
        }
        List<int[]> windows = CodecRows.windows(teacher, Home.heldOut());
        if (responses > windows.size()) {
            throw new IllegalArgumentException("--responses: " + responses + " (expected: at most " + windows.size()
                    + ", the windows of the held-out text)");
        }
        List<Prompt> prompts = IntStream.range(0, responses)
                .mapToObj(i -> new Prompt(i, Arrays.copyOf(windows.get(i), PROMPT_TOKENS), new int[0]))
                .toList();
        var options = new ModelOptions("cpu", ComputePrecision.FLOAT32, 0);
        var scoring = ScoringOptions.of(vocabulary);
        List<Student> found = new ArrayList<>();
        try (Tokenizer tokenizer = Tokenizer.load(teacher);
                ScoringModel teaching = ScoringModel.load(teacher, options, scoring)) {
            Set<Integer> stopIds = tokenizer.stopIds(tokenizer.wrapping());
            for (Map.Entry<String, Path> student : students.entrySet()) {
                try (ScoringModel learning = ScoringModel.load(student.getValue(), options, scoring)) {
                    List<Response> written = responses(learning, prompts, stopIds, responseTokens);
                    List<Row> rows = rows(teaching, learning, vocabulary, prompts, written);
                    found.add(student(student.getKey(), student.getValue(), rows));
                }
            }
        }
        return new Result(teacher.toString(), responseTokens, found);
    }

    private static List<Response> responses(
            ScoringModel learning, List<Prompt> prompts, Set<Integer> stopIds, int responseTokens)
            throws InterruptedException {
        try (RolloutWriter writer = new RolloutWriter(
                () -> learning.decoder(CACHE_BYTES),
                new RolloutWriter.Options(
                        prompts.size(), responseTokens, CodecRows.POSITIONS, stopIds, Proposal.PLAIN, 1, true),
                Optional.empty(),
                () -> false)) {
            return writer.write(prompts);
        }
    }

    private List<Row> rows(
            ScoringModel teaching,
            ScoringModel learning,
            int vocabulary,
            List<Prompt> prompts,
            List<Response> responses) {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
            Window text = prompts.get(i).with(responses.get(i).tokens(), CodecRows.POSITIONS);
            double[][] student = whole(learning, vocabulary, text);
            double[][] teacher = whole(teaching, vocabulary, text);
            for (int r = 0; r < student.length; r++) {
                rows.add(row(student[r], teacher[r]));
            }
        }
        return rows;
    }

    /** Log-probabilities of all ids, {@code [rows][V]}. */
    private static double[][] whole(ScoringModel model, int vocabulary, Window text) {
        ScoreItem item = new ScoreItem(text.tokens(), text.positions());
        if (!(model.score(List.of(item), RowContent.topK(vocabulary)).get(0) instanceof ScoreOutcome.Scored scored)) {
            throw new IllegalStateException("a row is not finite (expected: finite logits of a student's text)");
        }
        RowColumns rows = scored.rows();
        double[][] all = new double[rows.rows()][vocabulary];
        for (int row = 0; row < all.length; row++) {
            for (int entry = 0; entry < rows.counts()[row]; entry++) {
                int at = row * rows.stride() + entry;
                all[row][rows.ids()[at]] = rows.logProbabilities()[at];
            }
        }
        return all;
    }

    private Row row(double[] student, double[] teacher) {
        double[] gradient = new double[student.length];
        double divergence = truncated(student, teacher, descending(student), student.length, gradient);
        double square = Arrays.stream(gradient).map(g -> g * g).sum();
        double[][] all = new double[ks.size()][];
        int[][] orders = {descending(teacher), descending(student)};
        for (int i = 0; i < all.length; i++) {
            double[] found = new double[4];
            for (int side = 0; side < 2; side++) {
                double[] other = new double[student.length];
                found[side] = truncated(student, teacher, orders[side], ks.get(i), other);
                for (int id = 0; id < other.length; id++) {
                    found[2 + side] += (other[id] - gradient[id]) * (other[id] - gradient[id]);
                }
            }
            all[i] = found;
        }
        return new Row(divergence, square, all);
    }

    private static int[] descending(double[] logProbabilities) {
        return IntStream.range(0, logProbabilities.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer id) -> -logProbabilities[id]))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** Reverse KL over the first k ids of an order and one bucket of all others; fills the gradient in the student's logits. */
    static double truncated(double[] student, double[] teacher, int[] order, int k, double[] gradient) {
        double sum = 0;
        for (int i = 0; i < k; i++) {
            sum += Math.exp(student[order[i]]) * (student[order[i]] - teacher[order[i]]);
        }
        double restOfStudent = 0;
        double restOfTeacher = 0;
        for (int i = k; i < order.length; i++) {
            restOfStudent += Math.exp(student[order[i]]);
            restOfTeacher += Math.exp(teacher[order[i]]);
        }
        double rest = k < order.length ? Math.log(restOfStudent / restOfTeacher) : 0;
        sum += restOfStudent * rest;
        for (int i = 0; i < order.length; i++) {
            int id = order[i];
            double h = i < k ? student[id] - teacher[id] : rest;
            gradient[id] = Math.exp(student[id]) * (h - sum);
        }
        return sum;
    }

    private Student student(String name, Path directory, List<Row> rows) {
        List<Row> byDistance = rows.stream()
                .sorted(Comparator.comparingDouble(Row::divergence))
                .toList();
        int third = byDistance.size() / 3;
        if (third == 0) {
            throw new IllegalArgumentException("--responses, --response-tokens: " + rows.size() + " tokens of " + name
                    + " in all (expected: at least 3, to tell near from far)");
        }
        List<Rows> parts = List.of(
                part("all", byDistance),
                part("nearest third", byDistance.subList(0, third)),
                part("middle third", byDistance.subList(third, byDistance.size() - third)),
                part("farthest third", byDistance.subList(byDistance.size() - third, byDistance.size())));
        progress.accept(String.format(
                "%s: %,d rows, reverse KL %.4f nats",
                name, rows.size(), parts.get(0).reverseKlNats()));
        return new Student(name, directory.toString(), rows.size(), parts.get(0).reverseKlNats(), parts);
    }

    private Rows part(String which, List<Row> rows) {
        Sums whole = new Sums();
        rows.forEach(row -> whole.add(row.divergence(), row.gradient()));
        List<Truncation> truncations = new ArrayList<>();
        for (int i = 0; i < ks.size(); i++) {
            Sums[] sides = {new Sums(), new Sums()};
            for (Row row : rows) {
                double[] found = row.truncated()[i];
                sides[0].add(found[0], found[2]);
                sides[1].add(found[1], found[3]);
            }
            truncations.add(new Truncation(
                    ks.get(i),
                    sides[0].divergence / whole.divergence,
                    sides[1].divergence / whole.divergence,
                    Math.sqrt(sides[0].gradient / whole.gradient),
                    Math.sqrt(sides[1].gradient / whole.gradient)));
        }
        return new Rows(which, whole.divergence / rows.size(), truncations);
    }
}
