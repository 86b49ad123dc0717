package dev.lyne.load.bench;

import dev.lyne.lm.engine.ProductSpeed;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.scoring.ScoreItem;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.lm.training.CrossEntropy;
import dev.lyne.lm.training.OptimizerOptions;
import dev.lyne.lm.training.TrainableModel;
import dev.lyne.row.RowContent;
import dev.lyne.row.Selection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The forward with its selection against another implementation's on the same random models and tokens, rounds in turn, the other one
 * asleep. A position costs 2 floating-point operations a parameter, attention scores and norms not counted.
 */
public final class ForwardComparison {
    static final int K = 64;

    private static final int TOKENS = 256;
    private static final int CONTEXT = 2_048;
    private static final int WARM_UPS = 3;

    /** A random model, all tied, and the number of sequences that it scores at a time. */
    private record Shape(ModelConfiguration configuration, int batch) {}

    private static final Map<String, Shape> SHAPES = shapes();

    private static Map<String, Shape> shapes() {
        Map<String, Shape> shapes = new LinkedHashMap<>();
        shapes.put(
                "demo",
                new Shape(
                        ModelConfiguration.llama(
                                new ModelConfiguration.Sizes(4_096, CONTEXT, 256, 7), 4, 2, 704, 1e4, true),
                        16));
        shapes.put(
                "135m",
                new Shape(
                        ModelConfiguration.llama(
                                new ModelConfiguration.Sizes(49_152, CONTEXT, 576, 30), 9, 3, 1_536, 1e4, true),
                        4));
        shapes.put(
                "1024",
                new Shape(
                        ModelConfiguration.llama(
                                new ModelConfiguration.Sizes(4_096, CONTEXT, 1_024, 4), 16, 8, 2_816, 1e4, true),
                        8));
        shapes.put(
                "2048",
                new Shape(
                        ModelConfiguration.llama(
                                new ModelConfiguration.Sizes(4_096, CONTEXT, 2_048, 4), 32, 8, 5_632, 1e4, true),
                        4));
        return shapes;
    }

    /**
     * Medians over the rounds.
     *
     * @param bestProductGflops 10^9 operations a second of a float32 product of 1024³ by the fastest kernel, the best of all rounds
     */
    public record Result(
            String peer,
            String peerVersion,
            String device,
            int threads,
            int rounds,
            double bestProductGflops,
            List<Line> results) {}

    /**
     * One shape in one precision.
     *
     * @param shape demo, 135m, or the width of one of four layers
     * @param k entries of a row; 0: the label alone
     * @param low the ratio's median lies above with a confidence of 97.5 %
     * @param high the same from above
     * @param lyneOverBestProduct share of the best product of that precision
     * @param peerAttention the faster one of the peer's
     */
    public record Line(
            String shape,
            String precision,
            int k,
            double lynePositionsPerSecond,
            double peerPositionsPerSecond,
            double lyneOverPeer,
            double low,
            double high,
            double bestProductGflops,
            double lyneOverBestProduct,
            String peerAttention) {}

    private final ForwardPeer.Kind kind;
    private final String python;
    private final String device;
    private final int rounds;
    private final Consumer<String> progress;

    /**
     * A comparison.
     *
     * @param peer transformers or vllm
     * @param python an interpreter that can import it, or the folder of its virtual environment
     */
    public ForwardComparison(String peer, String python, String device, int rounds, Consumer<String> progress) {
        this.kind = ForwardPeer.Kind.of(peer);
        this.python = python;
        this.device = device;
        this.rounds = rounds;
        this.progress = progress;
        if (rounds < 1) {
            throw new IllegalArgumentException("--rounds: " + rounds + " (expected: at least 1)");
        }
    }

    /** Names of the shapes. */
    public static List<String> shapeNames() {
        return List.copyOf(SHAPES.keySet());
    }

    /** Runs it; random models are written to {@code scratch} and deleted afterwards. */
    public Result run(List<String> shapeNames, List<ComputePrecision> precisions, Path scratch) throws IOException {
        for (String name : shapeNames) {
            if (!SHAPES.containsKey(name)) {
                throw new IllegalArgumentException("--shapes: " + name + " (expected: of " + SHAPES.keySet() + ")");
            }
        }
        List<Line> lines = new ArrayList<>();
        String version = "";
        String processor = device;
        int threads = 0;
        for (String name : shapeNames) {
            Shape shape = Objects.requireNonNull(SHAPES.get(name), name);
            Path directory = Files.createTempDirectory(scratch, "forward");
            try {
                write(shape.configuration(), directory);
                for (ComputePrecision precision : precisions) {
                    var options = new ModelOptions(device, precision, 0);
                    var scoring =
                            ScoringOptions.of(shape.configuration().sizes().vocabulary());
                    try (ScoringModel model = ScoringModel.load(directory, options, scoring)) {
                        processor = model.fingerprint().device();
                        threads = model.fingerprint().threads();
                        List<ScoreItem> items = items(shape);
                        var job = new ForwardPeer.Job(
                                directory,
                                device,
                                precision.torchName(),
                                threads,
                                items.stream().map(ScoreItem::tokens).toList());
                        try (ForwardPeer peer = ForwardPeer.start(kind, python, job, scratch)) {
                            version = peer.version();
                            lines.add(line(name, model, options, items, peer));
                        }
                    }
                }
            } finally {
                delete(directory);
            }
        }
        double best = lines.stream()
                .filter(line -> line.precision().equals(ComputePrecision.FLOAT32.torchName()))
                .mapToDouble(Line::bestProductGflops)
                .max()
                .orElse(Double.NaN);
        return new Result(kind.text(), version, processor, threads, rounds, best, lines);
    }

    private Line line(String name, ScoringModel model, ModelOptions options, List<ScoreItem> items, ForwardPeer peer)
            throws IOException {
        RowContent selection =
                kind.k() > 0 ? RowContent.topK(kind.k()) : RowContent.of(new Selection.LabelOnly(List.of()));
        double positions = (double) items.size() * TOKENS;
        for (int i = 0; i < WARM_UPS; i++) {
            seconds(model, items, selection);
        }
        double[] lyne = new double[rounds];
        double[] peers = new double[rounds];
        double best = 0;
        try (ProductSpeed product = new ProductSpeed(options)) {
            for (int round = 0; round < rounds; round++) {
                best = Math.max(best, product.bestGflops());
                boolean first = round % 2 == 0; // whoever comes second may find the machine warmer
                if (first) {
                    lyne[round] = positions / seconds(model, items, selection);
                }
                peers[round] = positions / peer.seconds();
                if (!first) {
                    lyne[round] = positions / seconds(model, items, selection);
                }
                progress.accept(String.format(
                        "%s, %s, round %d of %d: %.0f positions/s, %s %.0f (%.2f); product %.0f GFLOP/s",
                        name,
                        options.precision().torchName(),
                        round + 1,
                        rounds,
                        lyne[round],
                        kind.text(),
                        peers[round],
                        lyne[round] / peers[round],
                        best));
            }
        }
        double[] interval = Rounds.medianRatioInterval(lyne, peers);
        double rate = Rounds.median(lyne);
        return new Line(
                name,
                options.precision().torchName(),
                kind.k(),
                rate,
                Rounds.median(peers),
                Rounds.medianRatio(lyne, peers),
                interval[0],
                interval[1],
                best,
                2e-9 * model.parameters() * rate / best,
                peer.attention());
    }

    private static double seconds(ScoringModel model, List<ScoreItem> items, RowContent selection) {
        long start = System.nanoTime();
        model.score(items, selection);
        return (System.nanoTime() - start) * 1e-9;
    }

    private static List<ScoreItem> items(Shape shape) {
        var random = new SplittableRandom(1);
        int[] positions = IntStream.range(0, TOKENS).toArray();
        List<ScoreItem> items = new ArrayList<>();
        for (int i = 0; i < shape.batch(); i++) {
            items.add(new ScoreItem(
                    random.ints(TOKENS, 0, shape.configuration().sizes().vocabulary())
                            .toArray(),
                    positions));
        }
        return items;
    }

    private static void write(ModelConfiguration configuration, Path directory) throws IOException {
        try (var model = TrainableModel.create(
                configuration,
                1,
                new ModelOptions("cpu", ComputePrecision.FLOAT32, 0),
                OptimizerOptions.defaults(),
                CrossEntropy.script())) {
            model.export(directory, "float32");
        }
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
