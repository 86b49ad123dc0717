package dev.lyne.lm.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.RotaryEmbedding;
import java.nio.FloatBuffer;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/** Cosines and sines on a device, grown to the longest sequence met. Owned by one thread. */
public final class RotaryTables implements AutoCloseable {
    private static final int SHORTEST = 512;

    private final RotaryEmbedding embedding;
    private final int rotarySize;
    private final int contextLength;
    private final NDManager parent;
    private @Nullable Tables tables;

    private record Tables(NDManager manager, NDArray cosines, NDArray sines, int length) {}

    /** Tables of a configuration, in sub-managers of {@code parent}. */
    public RotaryTables(ModelConfiguration configuration, NDManager parent) {
        this.embedding = RotaryEmbedding.of(configuration.rotation());
        this.rotarySize = configuration.rotation().size();
        this.contextLength = configuration.sizes().contextLength();
        this.parent = parent;
    }

    /** Cosines of at least {@code length} positions, {@code [., head_size]}. */
    public NDArray cosines(int length) {
        return atLeast(length).cosines;
    }

    /** Sines of at least {@code length} positions, {@code [., head_size]}. */
    public NDArray sines(int length) {
        return atLeast(length).sines;
    }

    private Tables atLeast(int length) {
        Tables current = tables;
        if (current != null && current.length >= length) {
            return current;
        }
        close();
        int grown = Math.min(contextLength, Math.max(SHORTEST, length + length / 2));
        NDManager manager = parent.newSubManager();
        Tables made = new Tables(
                manager, table(manager, embedding::cosines, grown), table(manager, embedding::sines, grown), grown);
        tables = made;
        return made;
    }

    private NDArray table(NDManager manager, IntFunction<float[]> values, int length) {
        Shape shape = new Shape(length, rotarySize);
        return rotarySize == 0 ? manager.zeros(shape) : manager.create(FloatBuffer.wrap(values.apply(length)), shape);
    }

    @Override
    public void close() {
        if (tables != null) {
            tables.manager.close();
            tables = null;
        }
    }
}
