package dev.lyne.lm.generation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.lyne.lm.engine.InferenceCall;
import dev.lyne.lm.engine.NamedTensors;
import dev.lyne.lm.engine.RotaryTables;
import dev.lyne.lm.engine.Script;
import dev.lyne.lm.model.ModelConfiguration;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Continues token sequences with a key-value cache: the prompt in one call, then one call a token. Borrows the script, which
 * must contain the transformer, the generation and the tensor methods, and the weights. One thread.
 */
public final class TextGenerator {
    private final Script script;
    private final ModelConfiguration configuration;
    private final NamedTensors weights;
    private final RotaryTables rotary;
    private final int computeType;

    /** @param computeType PyTorch's number of the type of matrix products, which keys and values are kept in */
    public TextGenerator(
            Script script,
            ModelConfiguration configuration,
            NamedTensors weights,
            RotaryTables rotary,
            int computeType) {
        this.script = script;
        this.configuration = configuration;
        this.weights = weights;
        this.rotary = rotary;
        this.computeType = computeType;
    }

    /**
     * New tokens after the prompt, which is not repeated: at most {@code maxNewTokens}, fewer where the context is full or
     * one of {@code stopIds} is drawn, which is not returned.
     */
    public int[] generate(int[] prompt, int maxNewTokens, SamplingOptions sampling, Set<Integer> stopIds) {
        requirePrompt(prompt);
        int capacity =
                (int) Math.min(configuration.sizes().contextLength(), (long) prompt.length + Math.max(0, maxNewTokens));
        TokenSampler sampler = new TokenSampler(sampling);
        int[] made = new int[capacity - prompt.length];
        int count = 0;
        try (NamedTensors cast = castWeights();
                NDManager memory = script.newManager()) {
            List<NDArray> cache = cache(memory, capacity);
            int[] next = prompt;
            int start = 0;
            while (count < made.length) {
                int id = sampler.next(extend(cast, cache, next, start, capacity));
                if (stopIds.contains(id)) {
                    break;
                }
                made[count++] = id;
                start += next.length;
                next = new int[] {id};
            }
        }
        return Arrays.copyOf(made, count);
    }

    private float[] extend(NamedTensors cast, List<NDArray> cache, int[] tokens, int start, int capacity) {
        try (InferenceCall call = script.inference("extend")) {
            long[] ids = Arrays.stream(tokens).asLongStream().toArray();
            return call.tensor(call.manager().create(LongBuffer.wrap(ids), new Shape(1, ids.length)))
                    .integer(start)
                    .tensor(rotary.cosines(capacity))
                    .tensor(rotary.sines(capacity))
                    .tensors(cast)
                    .tensors(cache)
                    .run()
                    .singletonOrThrow()
                    .toFloatArray();
        }
    }

    /** Room for keys and values of {@code capacity} positions, a pair a layer. */
    private List<NDArray> cache(NDManager memory, int capacity) {
        List<NDArray> cache = new ArrayList<>();
        for (int i = 0; i < 2 * configuration.sizes().layers(); i++) {
            try (InferenceCall call = script.inference("empty")) {
                cache.add(call.tensor(rotary.cosines(capacity))
                        .integers(
                                1,
                                capacity,
                                configuration.attention().keyValueHeads(),
                                configuration.attention().headSize())
                        .integer(computeType)
                        .run(memory)
                        .singletonOrThrow());
            }
        }
        return cache;
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

    private void requirePrompt(int[] prompt) {
        if (prompt.length < 1 || prompt.length > configuration.sizes().contextLength()) {
            throw new IllegalArgumentException("prompt: " + prompt.length + " tokens (expected: 1..context="
                    + configuration.sizes().contextLength() + ")");
        }
        for (int id : prompt) {
            if (id < 0 || id >= configuration.sizes().vocabulary()) {
                throw new IllegalArgumentException("prompt: token " + id + " (expected: 0.."
                        + (configuration.sizes().vocabulary() - 1) + ")");
            }
        }
    }
}
