package dev.lyne.lm.generation;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.lyne.lm.engine.InferenceCall;
import dev.lyne.lm.engine.NamedTensors;
import dev.lyne.lm.engine.RotaryTables;
import dev.lyne.lm.engine.Script;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.row.DecodeItem;
import dev.lyne.row.DecodeOutcome;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A model's decoder. All extensions of a call are one native call, but for a deterministic decoder. Distributions never leave the device:
 * what comes back is an id and two log-probabilities for each that was asked about. Borrows the script, which must contain the transformer and
 * the decoding methods, the weights, which are in the compute type, and the tables.
 */
public final class BatchDecoder implements SequenceDecoder {
    private final Script script;
    private final ModelConfiguration configuration;
    private final NamedTensors weights;
    private final RotaryTables rotary;
    private final DecoderOptions options;
    private final KeyValuePool pool;

    public BatchDecoder(
            Script script,
            ModelConfiguration configuration,
            NamedTensors weights,
            RotaryTables rotary,
            DecoderOptions options) {
        this.script = script;
        this.configuration = configuration;
        this.weights = weights;
        this.rotary = rotary;
        this.options = options;
        this.pool = new KeyValuePool(
                script,
                () -> rotary.cosines(1), // tables are made anew as they grow
                configuration,
                options.computeType(),
                options.typeBytes(),
                options.maxCacheBytes());
    }

    /** A sequence with its slot. */
    private final class Held implements CachedSequence {
        private final int promptTokens;
        private Optional<KeyValuePool.Slot> slot = Optional.empty();
        private int length;

        Held(int promptTokens) {
            this.promptTokens = promptTokens;
        }

        @Override
        public int length() {
            return length;
        }

        @Override
        public long bytes() {
            return slot.map(held -> pool.slotBytes(held.capacity())).orElse(0L);
        }

        /** Makes room for more positions; false where there is none. */
        boolean reserve(int positions) {
            if (slot.isEmpty()) {
                slot = pool.allocate(positions);
                return slot.isPresent();
            }
            if (slot.get().capacity() >= positions) {
                return true;
            }
            Optional<KeyValuePool.Slot> larger = pool.move(slot.get(), positions, length);
            if (larger.isPresent()) {
                slot = larger;
            }
            return larger.isPresent();
        }

        KeyValuePool.Slot room() {
            return slot.orElseThrow(() -> new IllegalStateException("the sequence is closed"));
        }

        @Override
        public void close() {
            slot.ifPresent(pool::release);
            slot = Optional.empty();
        }
    }

    @Override
    public CachedSequence open(int promptTokens) {
        if (promptTokens < 1 || promptTokens > configuration.sizes().contextLength()) {
            throw new IllegalArgumentException("prompt: " + promptTokens + " tokens (expected: 1..context="
                    + configuration.sizes().contextLength() + ")");
        }
        return new Held(promptTokens);
    }

    @Override
    public List<DecodeOutcome> extend(List<Extension> extensions) {
        extensions.forEach(this::require);
        int[] lengths = extensions.stream()
                .mapToInt(extension -> extension.sequence().length())
                .toArray();
        try {
            return extendAll(extensions);
        } catch (RuntimeException | Error e) {
            // Some may have moved already. What lies behind a sequence's length is written again before it is met.
            for (int i = 0; i < lengths.length; i++) {
                held(extensions.get(i)).length = lengths[i];
            }
            throw e;
        }
    }

    private List<DecodeOutcome> extendAll(List<Extension> extensions) {
        List<DecodeOutcome> outcomes = new ArrayList<>();
        List<Extension> fitting = new ArrayList<>();
        List<Integer> indices = new ArrayList<>();
        for (Extension extension : extensions) {
            Held held = held(extension);
            int positions = held.length + extension.item().tokens().length;
            if (held.reserve(positions)) {
                indices.add(outcomes.size());
                fitting.add(extension);
            }
            outcomes.add(new DecodeOutcome.NoRoom(pool.slotBytes(positions)));
        }
        List<DecodeOutcome> computed = options.deterministic()
                ? fitting.stream().map(this::extendAlone).toList()
                : extendTogether(fitting);
        for (int i = 0; i < computed.size(); i++) {
            outcomes.set(indices.get(i), computed.get(i));
        }
        return outcomes;
    }

    /** The prompt in one call, then each token in one of its own: so a replay of the same tokens repeats the same calls. */
    private DecodeOutcome extendAlone(Extension extension) {
        Held held = held(extension);
        DecodeItem item = extension.item();
        int[] tokens = item.tokens();
        if (held.length == 0 && tokens.length < held.promptTokens) {
            throw new IllegalArgumentException("tokens: " + tokens.length + " (expected: the whole prompt of "
                    + held.promptTokens + " at first, in deterministic mode)");
        }
        Answers answers = new Answers(answered(extension));
        int from = 0;
        while (from < tokens.length) {
            int to = held.length == 0 ? held.promptTokens : from + 1;
            Extension part = new Extension(
                    held,
                    new DecodeItem(
                            Arrays.copyOfRange(tokens, from, to),
                            Arrays.copyOfRange(item.labels(), from, to),
                            item.uniform(),
                            item.proposal()));
            DecodeOutcome outcome = extendTogether(List.of(part)).get(0);
            if (!(outcome instanceof DecodeOutcome.Answered answered)) {
                return outcome;
            }
            answers.add(answered);
            from = to;
        }
        return answers.all();
    }

    /** Answers of several calls, one after another. */
    private static final class Answers {
        private final int[] ids;
        private final double[] logProbabilities;
        private final double[] under;
        private int count;

        Answers(int capacity) {
            ids = new int[capacity];
            logProbabilities = new double[capacity];
            under = new double[capacity];
        }

        void add(DecodeOutcome.Answered more) {
            int length = more.ids().length;
            System.arraycopy(more.ids(), 0, ids, count, length);
            System.arraycopy(more.logProbabilities(), 0, logProbabilities, count, length);
            System.arraycopy(more.proposalLogProbabilities(), 0, under, count, length);
            count += length;
        }

        DecodeOutcome.Answered all() {
            return new DecodeOutcome.Answered(ids, logProbabilities, under);
        }
    }

    /**
     * Columns that a call gave, a number for each row that was asked about.
     *
     * @param finite 0 where the row's logits are not finite
     * @param under log-probabilities under the proposal
     */
    @SuppressWarnings("ArrayRecordComponent") // a carrier; contents are never compared
    private record Found(int[] finite, long[] ids, double[] logProbabilities, double[] under) {}

    private static int answered(Extension extension) {
        return (int) Arrays.stream(extension.item().labels())
                .filter(label -> label != DecodeItem.NOTHING)
                .count();
    }

    /** One call for all. */
    private List<DecodeOutcome> extendTogether(List<Extension> extensions) {
        if (extensions.isEmpty()) {
            return List.of();
        }
        Batch batch = new Batch(extensions);
        List<DecodeOutcome> outcomes = batch.run();
        extensions.forEach(
                extension -> held(extension).length += extension.item().tokens().length);
        return outcomes;
    }

    /** The arguments of a call. */
    private final class Batch {
        private final List<Extension> inOrder;
        private final List<Integer> placeInOrder = new ArrayList<>();
        private final List<KeyValuePool.Slab> slabs = new ArrayList<>();
        private final long[] ids;
        private final long[] lengths;
        private final long[] starts;
        private final long[] slots;
        private final long[] members;
        private final long[] groups;
        private final long[] rows;
        private final long[] labels;
        private final double[] uniforms;
        private final double[] temperatures;
        private final double[] topP;
        private int longest;

        Batch(List<Extension> extensions) {
            Map<KeyValuePool.Slab, Integer> numbers = new LinkedHashMap<>();
            for (Extension extension : extensions) {
                numbers.putIfAbsent(held(extension).room().slab(), numbers.size());
            }
            slabs.addAll(numbers.keySet());
            Comparator<Integer> singlesFirst =
                    Comparator.comparing(i -> extensions.get(i).item().tokens().length > 1);
            List<Integer> order = new ArrayList<>();
            for (int i = 0; i < extensions.size(); i++) {
                order.add(i);
                placeInOrder.add(0);
            }
            order.sort(singlesFirst
                    .thenComparing(i -> number(numbers, extensions.get(i)))
                    .thenComparing(i -> held(extensions.get(i)).room().number()));
            inOrder = order.stream().map(extensions::get).toList();
            for (int place = 0; place < order.size(); place++) {
                placeInOrder.set(order.get(place), place);
            }
            int tokens = extensions.stream()
                    .mapToInt(extension -> extension.item().tokens().length)
                    .sum();
            int asked = extensions.stream().mapToInt(BatchDecoder::answered).sum();
            ids = new long[tokens];
            lengths = new long[inOrder.size()];
            starts = new long[inOrder.size()];
            slots = new long[inOrder.size()];
            members = new long[inOrder.size()];
            rows = new long[asked];
            labels = new long[asked];
            uniforms = new double[asked];
            temperatures = new double[asked];
            topP = new double[asked];
            long[] singles = new long[slabs.size()];
            fill(numbers, singles);
            groups = groups(singles);
        }

        private int number(Map<KeyValuePool.Slab, Integer> numbers, Extension extension) {
            Integer number = numbers.get(held(extension).room().slab());
            return number == null ? -1 : number;
        }

        private void fill(Map<KeyValuePool.Slab, Integer> numbers, long[] singles) {
            int row = 0;
            int at = 0;
            for (int i = 0; i < inOrder.size(); i++) {
                Extension extension = inOrder.get(i);
                Held held = held(extension);
                lengths[i] = extension.item().tokens().length;
                starts[i] = held.length;
                slots[i] = held.room().number();
                members[i] = number(numbers, extension);
                longest = Math.max(longest, held.length + extension.item().tokens().length);
                if (lengths[i] == 1) {
                    singles[(int) members[i]]++;
                }
                for (int t = 0; t < extension.item().tokens().length; t++, at++) {
                    ids[at] = extension.item().tokens()[t];
                    int label = extension.item().labels()[t];
                    if (label != DecodeItem.NOTHING) {
                        rows[row] = at;
                        labels[row] = label;
                        uniforms[row] = extension.item().uniform();
                        temperatures[row] = extension.item().proposal().temperature();
                        topP[row++] = extension.item().proposal().topP();
                    }
                }
            }
        }

        private long[] groups(long[] singles) {
            List<Long> pairs = new ArrayList<>();
            for (int slab = 0; slab < singles.length; slab++) {
                if (singles[slab] > 0) {
                    pairs.add((long) slab);
                    pairs.add(singles[slab]);
                }
            }
            return pairs.stream().mapToLong(Long::longValue).toArray();
        }

        List<DecodeOutcome> run() {
            try (InferenceCall call = script.inference("decode")) {
                NDManager manager = call.manager();
                NDList columns = call.tensor(manager.create(ids))
                        .integers(lengths)
                        .integers(starts)
                        .integers(slots)
                        .integers(members)
                        .integers(groups)
                        .tensors(slabs.stream().map(KeyValuePool.Slab::tensor).toList())
                        .tensor(rotary.cosines(longest))
                        .tensor(rotary.sines(longest))
                        .tensors(List.of(
                                manager.create(rows),
                                manager.create(labels),
                                manager.create(uniforms),
                                manager.create(temperatures),
                                manager.create(topP)))
                        .tensors(weights)
                        .run();
                return rows.length == 0
                        ? placeInOrder.stream()
                                .<DecodeOutcome>map(i -> new Answers(0).all())
                                .toList()
                        : answers(columns);
            }
        }

        private List<DecodeOutcome> answers(NDList columns) {
            Found found = new Found(
                    columns.get(0).toIntArray(),
                    columns.get(1).toLongArray(),
                    columns.get(2).toDoubleArray(),
                    columns.get(3).toDoubleArray());
            List<DecodeOutcome> ordered = new ArrayList<>();
            int from = 0;
            for (Extension extension : inOrder) {
                int to = from + answered(extension);
                ordered.add(answer(extension, found, from, to));
                from = to;
            }
            return placeInOrder.stream().map(ordered::get).toList();
        }

        private DecodeOutcome answer(Extension extension, Found found, int from, int to) {
            int row = from;
            for (int t = 0; t < extension.item().labels().length; t++) {
                if (extension.item().labels()[t] != DecodeItem.NOTHING && found.finite[row++] == 0) {
                    return new DecodeOutcome.NotFinite(held(extension).length + t);
                }
            }
            return new DecodeOutcome.Answered(
                    Arrays.stream(found.ids, from, to)
                            .mapToInt(Math::toIntExact)
                            .toArray(),
                    Arrays.copyOfRange(found.logProbabilities, from, to),
                    Arrays.copyOfRange(found.under, from, to));
        }
    }

    private void require(Extension extension) {
        Held held = held(extension);
        int length = held.length + extension.item().tokens().length;
        if (length > configuration.sizes().contextLength()) {
            throw new IllegalArgumentException("sequence: " + length + " tokens (expected: at most context="
                    + configuration.sizes().contextLength() + ")");
        }
        for (int id : extension.item().tokens()) {
            if (id < 0 || id >= configuration.sizes().vocabulary()) {
                throw new IllegalArgumentException("token " + id + " (expected: 0.."
                        + (configuration.sizes().vocabulary() - 1) + ")");
            }
        }
        for (int id : extension.item().labels()) {
            if (id < DecodeItem.NOTHING || id >= options.vocabularySize()) {
                throw new IllegalArgumentException(
                        "label " + id + " (expected: below vocabulary_size=" + options.vocabularySize() + ")");
            }
        }
    }

    private Held held(Extension extension) {
        if (extension.sequence() instanceof Held held) {
            return held;
        }
        throw new IllegalArgumentException("sequence: of another decoder (expected: one that this decoder opened)");
    }

    @Override
    public long cacheBytes() {
        return pool.bytes();
    }

    @Override
    public void close() {
        pool.close();
    }
}
