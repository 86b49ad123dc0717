package dev.lyne.load.bench;

import dev.lyne.lm.engine.ProductSpeed;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.load.bench.Growth.Point;
import dev.lyne.load.bench.Growth.Sweep;
import dev.lyne.load.process.LoadProcesses;
import dev.lyne.load.process.ServerProcess;
import dev.lyne.row.Precision;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.Selection;
import dev.lyne.teacher.model.LanguageModelTeacher;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Positions a second as the work grows: over parameters, length, entries and vocabulary of a forward with its selection (random weights, so
 * the figures are of the arithmetic alone), and over students and replicas of the demo teacher's service. A position costs 2 floating-point
 * operations a parameter and, in attention, 4 a layer, unit of width and token looked at.
 */
public final class GrowthBenchmark {
    private static final int K = 64;
    private static final int VOCABULARY = 4_096;
    private static final int TOKENS = 256;
    private static final int CONTEXT = 8_192;
    private static final int BATCH_TOKENS = 2_048;
    private static final int WINDOW = 32;

    /** A position of the longest forwards of a round, in operations: what a slow machine does in about a minute. */
    private static final double MOST_OPERATIONS = 4e12;

    /** Widths and layers of models from a million to a thousand million parameters. */
    private static final List<ModelConfiguration.Sizes> MODELS = List.of(
            new ModelConfiguration.Sizes(VOCABULARY, CONTEXT, 128, 4),
            new ModelConfiguration.Sizes(VOCABULARY, CONTEXT, 256, 7),
            new ModelConfiguration.Sizes(VOCABULARY, CONTEXT, 512, 10),
            new ModelConfiguration.Sizes(VOCABULARY, CONTEXT, 768, 14),
            new ModelConfiguration.Sizes(VOCABULARY, CONTEXT, 1_024, 26),
            new ModelConfiguration.Sizes(VOCABULARY, CONTEXT, 2_048, 22));

    private final ModelOptions options;
    private final int rounds;
    private final double mostParameters;
    private final Consumer<String> progress;
    private double bestGflops;

    /**
     * A benchmark.
     *
     * @param mostParameters of the largest model that is made
     */
    public GrowthBenchmark(ModelOptions options, int rounds, double mostParameters, Consumer<String> progress) {
        if (rounds < 1) {
            throw new IllegalArgumentException("--rounds: " + rounds + " (expected: at least 1)");
        }
        if (!(mostParameters >= parameters(shape(MODELS.get(0))))) {
            throw new IllegalArgumentException("--most-parameters: " + mostParameters + " (expected: at least "
                    + parameters(shape(MODELS.get(0))) + ")");
        }
        this.options = options;
        this.rounds = rounds;
        this.mostParameters = mostParameters;
        this.progress = progress;
    }

    /**
     * Runs it.
     *
     * @param teacher the demo teacher's directory, or another
     * @param scratch directory for models and logs
     */
    public Growth run(Path teacher, Path scratch) throws IOException, InterruptedException {
        try (var product = new ProductSpeed(options)) {
            for (int i = 0; i < rounds; i++) {
                bestGflops = Math.max(bestGflops, product.bestGflops());
            }
        }
        List<Sweep> sweeps = new ArrayList<>();
        sweeps.add(parameters(scratch));
        sweeps.add(length(scratch));
        sweeps.add(entries(scratch));
        sweeps.add(vocabulary(scratch));
        sweeps.addAll(students(teacher));
        sweeps.add(replicas(scratch));
        return new Growth(options.device(), threads(), bestGflops, sweeps);
    }

    private int threads() {
        return options.threads() == 0 ? Runtime.getRuntime().availableProcessors() : options.threads();
    }

    private static ModelConfiguration shape(ModelConfiguration.Sizes sizes) {
        int heads = sizes.hidden() / 64;
        return ModelConfiguration.llama(sizes, heads, Math.max(1, heads / 2), sizes.hidden() * 11 / 4, 1e4, true);
    }

    private static ModelConfiguration demo(int vocabulary) {
        return shape(new ModelConfiguration.Sizes(vocabulary, CONTEXT, 256, 7));
    }

    private static double parameters(ModelConfiguration shape) {
        return shape.parameters();
    }

    private Sweep parameters(Path scratch) throws IOException {
        List<Point> points = new ArrayList<>();
        for (ModelConfiguration.Sizes sizes : MODELS) {
            ModelConfiguration shape = shape(sizes);
            if (parameters(shape) > mostParameters) {
                break;
            }
            try (RandomModel files = RandomModel.write(shape, scratch);
                    ScoringModel model = load(files, shape)) {
                double rate = rate(model, shape, TOKENS, RowContent.topK(K));
                points.add(point(
                        "parameters", millions(parameters(shape)), parameters(shape), rate, limit(shape, TOKENS)));
            }
        }
        return new Sweep("parameters", "parameters", "the best matrix product", points);
    }

    private Sweep length(Path scratch) throws IOException {
        ModelConfiguration shape = demo(VOCABULARY);
        List<Point> points = new ArrayList<>();
        try (RandomModel files = RandomModel.write(shape, scratch);
                ScoringModel model = load(files, shape)) {
            for (int tokens = TOKENS; tokens <= CONTEXT; tokens *= 2) {
                double rate = rate(model, shape, tokens, RowContent.topK(K));
                points.add(point("length", Integer.toString(tokens), tokens, rate, limit(shape, tokens)));
            }
        }
        return new Sweep(
                "length", "tokens of a sequence", "the best matrix product, attention's operations counted", points);
    }

    private Sweep entries(Path scratch) throws IOException {
        ModelConfiguration shape = demo(VOCABULARY);
        List<Point> points = new ArrayList<>();
        try (RandomModel files = RandomModel.write(shape, scratch);
                ScoringModel model = load(files, shape)) {
            double bare = rate(model, shape, TOKENS, RowContent.of(new Selection.LabelOnly(List.of())));
            for (int k = 1; k <= VOCABULARY; k *= 8) {
                double rate = rate(model, shape, TOKENS, RowContent.topK(k));
                points.add(point("entries", Integer.toString(k), k, rate, bare));
            }
        }
        return new Sweep("entries", "k, entries kept of " + VOCABULARY, "the same forward for the label alone", points);
    }

    private Sweep vocabulary(Path scratch) throws IOException {
        List<Point> points = new ArrayList<>();
        for (int vocabulary : new int[] {VOCABULARY, 16_384, 49_152, 151_936}) {
            ModelConfiguration shape = demo(vocabulary);
            try (RandomModel files = RandomModel.write(shape, scratch);
                    ScoringModel model = load(files, shape)) {
                double rate = rate(model, shape, TOKENS, RowContent.topK(K));
                points.add(point("vocabulary", thousands(vocabulary), vocabulary, rate, limit(shape, TOKENS)));
            }
        }
        return new Sweep("vocabulary", "ids of the vocabulary", "the best matrix product", points);
    }

    /** Served from a cold cache, and from memory. */
    private List<Sweep> students(Path teacher) throws IOException, InterruptedException {
        List<Point> cold = new ArrayList<>();
        List<Point> hits = new ArrayList<>();
        var rows = new BenchRows(K, Precision.COMPACT, TOKENS, 8);
        for (int students : new int[] {1, 2, 4, 8, 16}) {
            var model = LanguageModelTeacher.load("bench", teacher, options, false);
            ServeBenchmark.Result result = new ServeBenchmark(students, rows, rounds, 64L << 20, progress)
                    .run(model, StudentProcesses.starter(students, number -> WINDOW));
            ServeBenchmark.Rates rates = result.rates();
            String label = Integer.toString(students);
            cold.add(point(
                    "students", label, students, rates.servedPositionsPerSecond(), rates.forwardPositionsPerSecond()));
            double bytes = (double) result.messageBytes() / (TOKENS - 1);
            hits.add(point(
                    "hits", label, students, rates.hitBytesPerSecond() / bytes, rates.bareBytesPerSecond() / bytes));
        }
        return List.of(
                new Sweep("students", "students, nothing cached", "the bare forward of the same batches", cold),
                new Sweep("hits", "students, all in the server's memory", "a bare gRPC stream of as many bytes", hits));
    }

    /** Replicas that share this machine's processors; the limit is one of them that has all. */
    private Sweep replicas(Path scratch) throws IOException, InterruptedException {
        List<Point> points = new ArrayList<>();
        double alone = 0;
        for (int replicas = 1; replicas <= Math.max(2, threads()) && replicas <= 4; replicas *= 2) {
            List<ServerProcess> servers = new ArrayList<>();
            try {
                List<String> addresses = new ArrayList<>();
                for (int i = 0; i < replicas; i++) {
                    servers.add(ServerProcess.start(
                            scratch.resolve("replica-" + replicas + "-" + i + ".log"),
                            "demo",
                            1_024,
                            List.of(
                                    "--threads",
                                    Integer.toString(Math.max(1, threads() / replicas)),
                                    "--device",
                                    options.device(),
                                    "--precision",
                                    options.precision().torchName())));
                }
                for (ServerProcess server : servers) {
                    addresses.add(server.awaitReady().listening());
                }
                double rate = new LoadProcesses(1)
                        .run(load(String.join(",", addresses)))
                        .best()
                        .answered()
                        .positionsPerSecond();
                alone = replicas == 1 ? rate : alone;
                points.add(point("replicas", Integer.toString(replicas), replicas, rate, alone));
            } finally {
                servers.forEach(ServerProcess::close);
            }
        }
        return new Sweep("replicas", "replicas on the same processors", "one replica that has all of them", points);
    }

    private static Map<String, String> load(String addresses) {
        return Map.of(
                "teacher",
                addresses,
                "students",
                "4",
                "in_flight",
                "8",
                "tokens",
                Integer.toString(TOKENS),
                "warm_up",
                "3",
                "duration",
                "8");
    }

    private ScoringModel load(RandomModel files, ModelConfiguration shape) {
        return ScoringModel.load(
                files.directory(), options, ScoringOptions.of(shape.sizes().vocabulary()));
    }

    /** Positions a second that the best product allows. */
    private double limit(ModelConfiguration shape, int tokens) {
        return bestGflops * 1e9 / operations(shape, tokens);
    }

    private static double operations(ModelConfiguration shape, int tokens) {
        double attention = 4.0 * shape.sizes().layers() * shape.sizes().hidden() * tokens / 2;
        return 2 * parameters(shape) + attention;
    }

    /** Median of rounds of a batch, after one that warms up. */
    private double rate(ScoringModel model, ModelConfiguration shape, int tokens, RowContent content) {
        double most = MOST_OPERATIONS / operations(shape, tokens) / tokens;
        int batch = (int) Math.max(1, Math.min(most, BATCH_TOKENS / tokens));
        var random = new SplittableRandom(1);
        int[] positions = IntStream.range(0, tokens).toArray();
        List<ScoreItem> items = new ArrayList<>();
        for (int i = 0; i < batch; i++) {
            items.add(new ScoreItem(
                    random.ints(tokens, 0, shape.sizes().vocabulary()).toArray(), positions));
        }
        model.score(items, content);
        double[] rates = new double[rounds];
        for (int round = 0; round < rounds; round++) {
            long start = System.nanoTime();
            model.score(items, content);
            rates[round] = batch * (double) tokens * 1e9 / (System.nanoTime() - start);
        }
        return Rounds.median(rates);
    }

    private Point point(String sweep, String label, double value, double rate, double limit) {
        Point point = Point.of(label, value, rate, limit);
        progress.accept(
                String.format("%s %s: %.0f positions/s, %.2f of its limit", sweep, label, rate, point.shareOfLimit()));
        return point;
    }

    private static String millions(double parameters) {
        return String.format(Locale.ROOT, parameters < 1e7 ? "%.1f M" : "%.0f M", parameters / 1e6);
    }

    private static String thousands(int count) {
        return String.format(Locale.ROOT, "%,d", count);
    }
}
