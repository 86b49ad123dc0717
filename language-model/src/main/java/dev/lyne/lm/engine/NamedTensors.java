package dev.lyne.lm.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.IValue;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Tensors by name, as the scripts take them: {@code Dict[str, Tensor]}. Owns its tensors. */
public final class NamedTensors implements AutoCloseable {
    private final String argument;
    private final NDManager manager;
    private final Map<String, NDArray> arrays = new LinkedHashMap<>();
    private @Nullable IValue dictionary;

    /**
     * @param argument tells this dictionary from others of the same training call; no dots
     * @param manager owner of the tensors, closed with this
     */
    public NamedTensors(String argument, NDManager manager) {
        this.argument = argument;
        this.manager = manager;
    }

    /** Returns the manager that the tensors belong to. */
    public NDManager manager() {
        return manager;
    }

    /** Adds a tensor made in {@link #manager()}. */
    public void put(String name, NDArray array) {
        if (dictionary != null) {
            throw new IllegalStateException(name + ": added after the first call");
        }
        array.setName(
                argument + "." + name); // DJL groups arguments of a training call by the part before the first dot
        arrays.put(name, array);
    }

    /** The tensors in the order they were added. */
    public Map<String, NDArray> arrays() {
        return Collections.unmodifiableMap(arrays);
    }

    /** The tensor of that name. */
    public NDArray get(String name) {
        NDArray array = arrays.get(name);
        if (array == null) {
            throw new IllegalArgumentException("tensor: " + name + " (expected: one of " + arrays.keySet() + ")");
        }
        return array;
    }

    IValue dictionary() {
        if (dictionary == null) {
            Map<String, PtNDArray> tensors = new LinkedHashMap<>();
            arrays.forEach((name, array) -> tensors.put(name, (PtNDArray) array));
            dictionary = IValue.stringMapFrom(tensors);
        }
        return dictionary;
    }

    @Override
    public void close() {
        if (dictionary != null) {
            dictionary.close();
        }
        manager.close();
    }
}
