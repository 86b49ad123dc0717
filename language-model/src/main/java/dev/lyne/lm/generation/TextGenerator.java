package dev.lyne.lm.generation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.lyne.lm.engine.InferenceCall;
import dev.lyne.lm.engine.NamedTensors;
import dev.lyne.lm.engine.RotaryTables;
import dev.lyne.lm.engine.Script;
import dev.lyne.lm.model.ModelConfiguration;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * Continues one sequence at a time, by a {@link BatchDecoder} of its own: the prompt in one call, then one call a token. Borrows the script
 * and the weights, which may change between texts. One thread.
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
        try (NamedTensors cast = castWeights();
                SequenceDecoder decoder = new BatchDecoder(script, configuration, cast, rotary, options);
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

    private static int draw(
            SequenceDecoder decoder, CachedSequence sequence, int[] tokens, double uniform, Proposal proposal) {
        int[] labels = new int[tokens.length];
        Arrays.fill(labels, Extension.NOTHING);
        labels[labels.length - 1] = Extension.DRAW;
        Extended outcome = decoder.extend(List.of(new Extension(sequence, tokens, labels, uniform, proposal)))
                .get(0);
        if (outcome instanceof Extended.Answered answered) {
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
