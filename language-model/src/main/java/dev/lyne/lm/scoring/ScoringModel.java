package dev.lyne.lm.scoring;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.lyne.lm.engine.InferenceCall;
import dev.lyne.lm.engine.ModelConstants;
import dev.lyne.lm.engine.NamedTensors;
import dev.lyne.lm.engine.ProductKernels;
import dev.lyne.lm.engine.RotaryTables;
import dev.lyne.lm.engine.Script;
import dev.lyne.lm.engine.ScriptSource;
import dev.lyne.lm.engine.TensorFiles;
import dev.lyne.lm.engine.WeightLayout;
import dev.lyne.lm.generation.BatchDecoder;
import dev.lyne.lm.generation.DecoderOptions;
import dev.lyne.lm.generation.SamplingOptions;
import dev.lyne.lm.generation.SequenceDecoder;
import dev.lyne.lm.generation.TextGenerator;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.weights.ModelDigest;
import dev.lyne.lm.weights.SafetensorsModel;
import dev.lyne.row.ExecutionFingerprint;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.LongStream;

/**
 * A model that scores: weights in the compute type on one device. The forward and the selection of a batch are one native call;
 * only the selected entries come back. One thread at a time calls it.
 */
public final class ScoringModel implements BatchScorer {
    /** Most entries that a sequence's rows may hold: a column of them is 1 GiB, and arrays end at twice as much. */
    private static final long MAX_SEQUENCE_ENTRIES = 1 << 28;

    /** Entries that the rows of one forward may hold, so that little memory comes and goes at a time. */
    private static final long MAX_BATCH_ENTRIES = 1 << 26;

    private final ModelConfiguration configuration;
    private final ModelOptions options;
    private final ScoringOptions scoring;
    private final byte[] digest;
    private final Script script;
    private final RotaryTables rotary;
    private final ProductKernels products;
    private final NamedTensors weights;
    private final boolean ownsWeights;
    private final TextGenerator generator;

    /** Two tensors {@code [row_chunk, vocabulary_size]} that every call computes logits in. */
    private final List<NDArray> scratch;

    /** @param shared weights of another owner; where absent, there are none yet */
    private ScoringModel(
            ModelConfiguration configuration,
            ModelOptions options,
            ScoringOptions scoring,
            ProductKernels products,
            byte[] digest,
            Optional<NamedTensors> shared) {
        this.configuration = configuration;
        this.options = options;
        this.scoring = scoring;
        this.digest = digest;
        this.products = products;
        int rowChunk = scoring.deterministic() ? ScoringOptions.DETERMINISTIC_CHUNK : scoring.rowChunk();
        Map<String, Object> constants = ModelConstants.of(
                configuration,
                options.precision().torchScalarType(),
                ComputePrecision.FLOAT32.torchScalarType(),
                scoring.vocabularySize(),
                rowChunk);
        constants.putAll(products.constants());
        this.script = Script.load(
                List.of(
                        ScriptSource.forward(configuration.architecture()),
                        products.methods(),
                        ScriptSource.TENSORS.methods(),
                        ScriptSource.DECODING.methods(),
                        ScriptSource.SELECTION.methods(),
                        ScriptSource.DRAWS.methods()),
                constants,
                options);
        this.rotary = new RotaryTables(configuration, script.newManager());
        this.ownsWeights = shared.isEmpty();
        this.weights = shared.orElseGet(() -> new NamedTensors("w", script.newManager()));
        NDManager memory = script.newManager();
        Shape chunk = new Shape(rowChunk, scoring.vocabularySize());
        this.scratch = List.of(memory.zeros(chunk), memory.zeros(chunk));
        this.generator = new TextGenerator(
                script,
                configuration,
                weights,
                rotary,
                DecoderOptions.ofOneText(
                        scoring.vocabularySize(),
                        options.precision().torchScalarType(),
                        options.precision().bytes()));
    }

    /**
     * Loads a Hugging Face directory.
     *
     * @throws IllegalArgumentException if the directory is not a model that is understood, naming file, value and expectation
     */
    public static ScoringModel load(Path directory, ModelOptions options, ScoringOptions scoring) {
        ModelConfiguration configuration =
                ModelConfiguration.readAndTell(directory.resolve(ModelConfiguration.FILE_NAME));
        return load(
                directory,
                configuration,
                options,
                scoring,
                () -> products(configuration, options, scoring, WeightLayout.merged(configuration)));
    }

    /**
     * Refuses weights that do not fit a configuration: tensors that are missing, misshapen, or cut off.
     *
     * @throws IllegalArgumentException naming file, value and expectation
     */
    public static void check(Path directory, ModelConfiguration configuration) throws IOException {
        SafetensorsModel unused = SafetensorsModel.open(directory, configuration);
    }

    /** @param products asked for once the weights are found whole: a broken file is refused before anything is measured */
    static ScoringModel load(
            Path directory,
            ModelConfiguration configuration,
            ModelOptions options,
            ScoringOptions scoring,
            Supplier<ProductKernels> products) {
        try {
            SafetensorsModel source = SafetensorsModel.open(directory, configuration);
            byte[] digest = ModelDigest.of(source, configuration, options.precision());
            ScoringModel model =
                    new ScoringModel(configuration, options, scoring, products.get(), digest, Optional.empty());
            try {
                model.readWeights(source);
                return model;
            } catch (IOException | RuntimeException e) {
                model.close();
                throw e;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(directory + ": weights cannot be read", e);
        }
    }

    /**
     * A model whose weights another owner has, and may change between calls; closing it leaves them. It has no digest.
     *
     * @param weights in the compute type
     */
    public static ScoringModel over(
            ModelConfiguration configuration, ModelOptions options, ScoringOptions scoring, NamedTensors weights) {
        return new ScoringModel(
                configuration,
                options,
                scoring,
                products(configuration, options, scoring, WeightLayout.asStored(configuration)),
                new byte[0],
                Optional.of(weights));
    }

    /** Deterministic mode keeps PyTorch's own products: what was measured must not decide a row's bits. */
    private static ProductKernels products(
            ModelConfiguration configuration, ModelOptions options, ScoringOptions scoring, WeightLayout layout) {
        return scoring.deterministic()
                ? ProductKernels.TORCH
                : ProductKernels.measure(configuration, scoring.vocabularySize(), options, layout);
    }

    private void readWeights(SafetensorsModel source) throws IOException {
        TensorFiles files = new TensorFiles(script);
        int type = options.precision().torchScalarType();
        WeightLayout layout = WeightLayout.merged(configuration);
        layout.shapes().forEach((name, shape) -> weights.put(name, files.empty(weights, shape, type)));
        files.readAll(source, layout, weights);
    }

    @Override
    public List<ScoreOutcome> score(List<ScoreItem> items, RowContent content) {
        content.selection().checkFits(scoring.vocabularySize());
        for (int i = 0; i < items.size(); i++) {
            items.get(i).requireFits(i, configuration.sizes().contextLength(), scoring.vocabularySize());
            SelectionArguments.requireChosen(i, items.get(i), content.selection(), scoring.vocabularySize());
            long entries = entries(items.get(i), content);
            if (entries > MAX_SEQUENCE_ENTRIES) {
                throw new IllegalArgumentException(
                        "item " + i + ": " + entries + " entries in its rows (expected: at most " + MAX_SEQUENCE_ENTRIES
                                + "; ask for fewer positions or entries)");
            }
        }
        if (scoring.deterministic()) {
            return items.stream().map(item -> scoreAlone(item, content)).toList();
        }
        List<ScoreOutcome> outcomes = new ArrayList<>();
        int first = 0;
        long entries = 0;
        for (int next = 0; next < items.size(); next++) {
            long more = entries(items.get(next), content);
            if (next > first && entries + more > MAX_BATCH_ENTRIES) {
                outcomes.addAll(scoreTogether(items.subList(first, next), content));
                first = next;
                entries = 0;
            }
            entries += more;
        }
        outcomes.addAll(scoreTogether(items.subList(first, items.size()), content));
        return outcomes;
    }

    /** Entries that an item's rows hold at most. */
    private long entries(ScoreItem item, RowContent content) {
        return (long) item.positions().length * content.selection().mostEntries(scoring.vocabularySize());
    }

    private List<ScoreOutcome> scoreTogether(List<ScoreItem> items, RowContent content) {
        long[] lengths = items.stream().mapToLong(item -> item.tokens().length).toArray();
        int longest = (int) Arrays.stream(lengths).max().orElse(0);
        int count = items.stream().mapToInt(item -> item.positions().length).sum();
        if (count == 0) {
            return items.stream().map(item -> SelectedBatch.none()).toList();
        }
        long[] ids = new long[Math.toIntExact(Arrays.stream(lengths).sum())];
        long[] rows = new long[count];
        long[] labels = new long[count];
        SelectionArguments arguments = new SelectionArguments(content, scoring.vocabularySize(), items, count);
        int row = 0;
        int begin = 0;
        for (ScoreItem item : items) {
            int[] tokens = item.tokens();
            for (int t = 0; t < tokens.length; t++) {
                ids[begin + t] = tokens[t];
            }
            int first = row;
            for (int position : item.positions()) {
                rows[row] = (long) begin + position;
                labels[row++] = label(tokens, position);
            }
            arguments.put(item, LongStream.range(first, row).toArray());
            begin += tokens.length;
        }
        try (InferenceCall call = script.inference("score")) {
            NDManager manager = call.manager();
            call.tensor(manager.create(ids))
                    .integers(lengths)
                    .tensor(rotary.cosines(longest))
                    .tensor(rotary.sines(longest))
                    .tensor(manager.create(rows))
                    .tensor(manager.create(labels));
            SelectedBatch selected = select(call, arguments);
            List<ScoreOutcome> outcomes = new ArrayList<>();
            int from = 0;
            for (ScoreItem item : items) {
                outcomes.add(selected.outcome(item.positions(), from));
                from += item.positions().length;
            }
            return outcomes;
        }
    }

    /**
     * One sequence at its own length, the output matrix on a grid of chunks counted from position 0: every product has a size
     * that only the sequence decides, since the bits of a row depend on how many rows are computed with it. A chunk without a
     * wanted position changes nothing elsewhere and is left out.
     */
    private ScoreOutcome scoreAlone(ScoreItem item, RowContent content) {
        if (item.positions().length == 0) {
            return SelectedBatch.none();
        }
        int chunk = ScoringOptions.DETERMINISTIC_CHUNK;
        long[] ids = Arrays.stream(item.tokens()).asLongStream().toArray();
        long[] grid = Arrays.stream(item.positions())
                .mapToLong(t -> t / chunk)
                .distinct()
                .toArray();
        long[] picks = new long[item.positions().length];
        for (int i = 0, column = 0; i < picks.length; i++) {
            int position = item.positions()[i];
            while (grid[column] != position / chunk) {
                column++;
            }
            picks[i] = (long) column * chunk + position % chunk;
        }
        long[] labels = new long[grid.length * chunk];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = label(item.tokens(), (int) grid[i / chunk] * chunk + i % chunk);
        }
        SelectionArguments arguments =
                new SelectionArguments(content, scoring.vocabularySize(), List.of(item), labels.length);
        arguments.put(item, picks);
        try (InferenceCall call = script.inference("score_fixed")) {
            NDManager manager = call.manager();
            call.tensor(manager.create(ids))
                    .integers(ids.length)
                    .tensor(rotary.cosines(ids.length))
                    .tensor(rotary.sines(ids.length))
                    .integers(grid)
                    .tensor(manager.create(picks))
                    .tensor(manager.create(labels));
            return select(call, arguments).outcome(item.positions(), 0);
        }
    }

    private SelectedBatch select(InferenceCall call, SelectionArguments arguments) {
        arguments.addTo(call);
        return SelectedBatch.of(call.tensors(scratch).tensors(weights).run());
    }

    /** The token after a position, or −1 where there is none. */
    private static long label(int[] tokens, int position) {
        return position + 1 < tokens.length ? tokens[position + 1] : -1;
    }

    /** New tokens after the prompt: see {@link TextGenerator#generate}. */
    public int[] generate(int[] prompt, int maxNewTokens, SamplingOptions sampling, Set<Integer> stopIds) {
        return generator.generate(prompt, maxNewTokens, sampling, stopIds);
    }

    /**
     * A decoder of this model, for the same thread; deterministic where this is. It is closed before this is.
     *
     * @param maxCacheBytes most memory of keys and values
     */
    public SequenceDecoder decoder(long maxCacheBytes) {
        return new BatchDecoder(
                script,
                configuration,
                weights,
                rotary,
                new DecoderOptions(
                        scoring.vocabularySize(),
                        options.precision().torchScalarType(),
                        options.precision().bytes(),
                        maxCacheBytes,
                        scoring.deterministic()));
    }

    /** The model's shape. */
    public ModelConfiguration configuration() {
        return configuration;
    }

    /** SHA-256 of the tensors, the configuration's arithmetic and the compute precision, 32 bytes. */
    public byte[] digest() {
        return digest.clone();
    }

    /** Returns all that decides the last bits of a row, besides model and tokens. */
    public ExecutionFingerprint fingerprint() {
        return script.fingerprint(options.precision(), products);
    }

    /** Numbers in the weights, tied ones once. */
    public long parameters() {
        return configuration.parameters();
    }

    @Override
    public void close() {
        rotary.close();
        if (ownsWeights) {
            weights.close();
        }
        script.close();
    }
}
