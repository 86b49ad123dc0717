package dev.lyne.load.bench;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.lyne.lm.engine.ProductSpeed;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.Selection;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The forward with its selection against another implementation's on the same random models and tokens, rounds in turn, the other one
 * asleep. A position costs 2 floating-point operations a parameter, attention scores and norms not counted.
 */
public final class ForwardComparison {
    static final int K = 64;

    private static final int WARM_UPS = 3;

    /** Implementations that there is a script for. */
    private enum Peer {
        /** PyTorch by `transformers`, the faster of its attentions. */
        TRANSFORMERS,
        /** vLLM's engine, without HTTP. */
        VLLM;

        /** Returns the form on a command line. */
        String text() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** The one of that name. */
        static Peer of(String name) {
            for (Peer peer : values()) {
                if (peer.text().equals(name)) {
                    return peer;
                }
            }
            throw new IllegalArgumentException("--against: " + name + " (expected: transformers or vllm)");
        }

        /** Entries of a row that it is asked for. With them, vLLM's time is that of making Python objects, so it is asked for the label alone. */
        int k() {
            return this == TRANSFORMERS ? K : 0;
        }
    }

    /**
     * One shape in one precision.
     *
     * @param shape demo, 135m, or the width of one of four layers
     * @param k entries of a row; 0: the label alone
     * @param lyneOverBestProduct share of the best product of that precision
     * @param peerAttention the faster one of the peer's
     */
    public record Line(
            String shape,
            String precision,
            int k,
            @JsonUnwrapped PeerRounds.Pace pace,
            double bestProductGflops,
            double lyneOverBestProduct,
            String peerAttention) {}

    private final Peer kind;
    private final String python;
    private final String device;
    private final PeerRounds rounds;

    /**
     * A comparison.
     *
     * @param peer transformers or vllm
     * @param python an interpreter that can import it, or the folder of its virtual environment
     */
    public ForwardComparison(String peer, String python, String device, PeerRounds rounds) {
        this.kind = Peer.of(peer);
        this.python = python;
        this.device = device;
        this.rounds = rounds;
    }

    /** Runs it; random models are written to {@code scratch} and deleted afterwards. */
    public PeerRounds.Result<Line> run(List<String> shapeNames, List<ComputePrecision> precisions, Path scratch)
            throws IOException {
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
                        var start = new PeerProcess.Start(python, threads, Map.of(), scratch);
                        Map<String, Object> job = Map.of(
                                "model", files.directory().toString(),
                                "device", device,
                                "precision", precision.torchName(),
                                "threads", threads,
                                "k", kind.k(),
                                "ids", items.stream().map(ScoreItem::tokens).toList());
                        try (PeerProcess peer = PeerProcess.start(kind.text(), start, job)) {
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
        return new PeerRounds.Result<>(kind.text(), version, processor, threads, rounds.rounds(), best, lines);
    }

    private Line line(String name, ScoringModel model, ModelOptions options, List<ScoreItem> items, PeerProcess peer)
            throws IOException {
        RowContent selection =
                kind.k() > 0 ? RowContent.topK(kind.k()) : RowContent.of(new Selection.LabelOnly(List.of()));
        double positions = (double) items.size() * ForwardShape.TOKENS;
        for (int i = 0; i < WARM_UPS; i++) {
            seconds(model, items, selection);
        }
        PeerRounds.Measured measured;
        try (ProductSpeed product = new ProductSpeed(options)) {
            measured = rounds.run(
                    name + ", " + options.precision().torchName(),
                    positions,
                    () -> seconds(model, items, selection),
                    peer,
                    product);
        }
        return new Line(
                name,
                options.precision().torchName(),
                kind.k(),
                measured.pace(),
                measured.bestProductGflops(),
                2e-9 * model.parameters() * measured.pace().lynePositionsPerSecond() / measured.bestProductGflops(),
                peer.attention());
    }

    private static double seconds(ScoringModel model, List<ScoreItem> items, RowContent selection) {
        long start = System.nanoTime();
        model.score(items, selection);
        return (System.nanoTime() - start) * 1e-9;
    }
}
