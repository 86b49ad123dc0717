package dev.lyne.load.bench;

import dev.lyne.lm.engine.ProductSpeed;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.scoring.ScoreItem;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.row.RowContent;
import dev.lyne.row.Selection;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * The forward with its selection against another implementation's on the same random models and tokens, rounds in turn, the other one
 * asleep. A position costs 2 floating-point operations a parameter, attention scores and norms not counted.
 */
public final class ForwardComparison {
    static final int K = 64;

    private static final int WARM_UPS = 3;

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
        return ForwardShape.names();
    }

    /** Runs it; random models are written to {@code scratch} and deleted afterwards. */
    public Result run(List<String> shapeNames, List<ComputePrecision> precisions, Path scratch) throws IOException {
        shapeNames.forEach(ForwardShape::of); // what there is not is refused before anything runs
        List<Line> lines = new ArrayList<>();
        String version = "";
        String processor = device;
        int threads = 0;
        for (String name : shapeNames) {
            ForwardShape shape = ForwardShape.of(name);
            try (RandomModel files = RandomModel.write(shape.configuration(), scratch)) {
                for (ComputePrecision precision : precisions) {
                    var options = new ModelOptions(device, precision, 0);
                    var scoring =
                            ScoringOptions.of(shape.configuration().sizes().vocabulary());
                    try (ScoringModel model = ScoringModel.load(files.directory(), options, scoring)) {
                        processor = model.fingerprint().device();
                        threads = model.fingerprint().threads();
                        List<ScoreItem> items = shape.items();
                        var job = new ForwardPeer.Job(
                                files.directory(),
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
        double positions = (double) items.size() * ForwardShape.TOKENS;
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
}
