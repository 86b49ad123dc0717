package dev.lyne.lm.generation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.lyne.lm.engine.InferenceCall;
import dev.lyne.lm.engine.NamedTensors;
import dev.lyne.lm.engine.RotaryTables;
import dev.lyne.lm.engine.Script;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.row.DecodeItem;
import dev.lyne.row.DecodeOutcome;
import dev.lyne.row.Proposal;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * Continues sequences with weights that may change between texts: one at a time, the prompt in one call and then one call a token, or many
 * by a decoder of its own. Borrows the script and the weights. One thread.
 */
public final class TextGenerator {
    private final Script script;
    private final ModelConfiguration configuration;
    private final NamedTensors weights;
    private final RotaryTables rotary;
    private final DecoderOptions options;

    /** @param weights in any type */
    public TextGenerator(
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
    }

    /**
     * New tokens after the prompt, which is not repeated: at most {@code maxNewTokens}, fewer where the context is full or
     * one of {@code stopIds} is drawn, which is not returned. Each draw uses one number of the generator, whatever the logits are.
     */
    public int[] generate(int[] prompt, int maxNewTokens, SamplingOptions sampling, Set<Integer> stopIds) {
        int capacity =
                (int) Math.min(configuration.sizes().contextLength(), (long) prompt.length + Math.max(0, maxNewTokens));
        Random random = new Random(sampling.seed());
        int[] made = new int[Math.max(0, capacity - prompt.length)];
        int count = 0;
        try (SequenceDecoder decoder = decoder(options.maxCacheBytes());
                CachedSequence sequence = decoder.open(prompt.length)) {
            int[] next = prompt;
            while (count < made.length) {
                int id = draw(decoder, sequence, next, random.nextDouble(), sampling.proposal());
                if (stopIds.contains(id)) {
                    break;
                }
                made[count++] = id;
                next = new int[] {id};
            }
        }
        return Arrays.copyOf(made, count);
    }

    /**
     * A decoder of many texts with the weights as they are now. It is closed before they change.
     *
     * @param maxCacheBytes most memory of keys and values
     */
    public SequenceDecoder decoder(long maxCacheBytes) {
        NamedTensors cast = castWeights();
        return new OwnedDecoder(
                new BatchDecoder(script, configuration, cast, rotary, options.within(maxCacheBytes)), cast);
    }

    /** A decoder with weights of its own. */
    private record OwnedDecoder(SequenceDecoder decoder, NamedTensors weights) implements SequenceDecoder {
        @Override
        public CachedSequence open(int promptTokens) {
            return decoder.open(promptTokens);
        }

        @Override
        public List<DecodeOutcome> extend(List<Extension> extensions) {
            return decoder.extend(extensions);
        }

        @Override
        public long cacheBytes() {
            return decoder.cacheBytes();
        }

        @Override
        public void close() {
            decoder.close();
            weights.close();
        }
    }

    private static int draw(
            SequenceDecoder decoder, CachedSequence sequence, int[] tokens, double uniform, Proposal proposal) {
        int[] labels = new int[tokens.length];
        Arrays.fill(labels, DecodeItem.NOTHING);
        labels[labels.length - 1] = DecodeItem.DRAW;
        DecodeItem item = new DecodeItem(tokens, labels, uniform, proposal);
        DecodeOutcome outcome =
                decoder.extend(List.of(new Extension(sequence, item))).get(0);
        if (outcome instanceof DecodeOutcome.Answered answered) {
            return answered.ids()[0];
        }
        throw new IllegalStateException("text: " + outcome + " (expected: finite logits)");
    }

    /** The weights in the compute type, once for all tokens; those that have it already are shared, not copied. */
    private NamedTensors castWeights() {
        NamedTensors cast = new NamedTensors("w", script.newManager());
        try (InferenceCall call = script.inference("cast")) {
            NDList tensors =
                    call.tensors(List.copyOf(weights.arrays().values())).run(cast.manager());
            Iterator<NDArray> values = tensors.iterator();
            for (Map.Entry<String, NDArray> entry : weights.arrays().entrySet()) {
                cast.put(entry.getKey(), values.next());
            }
        }
        return cast;
    }
}
