package dev.lyne.lm.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import java.util.ArrayList;
import java.util.List;

/** Arguments of one call without gradients, in order; closing frees them and the results. */
public final class InferenceCall implements AutoCloseable {
    private final Script script;
    private final String method;
    private final PtNDManager manager;
    private final List<IValue> arguments = new ArrayList<>();
    private final List<IValue> owned = new ArrayList<>();

    InferenceCall(Script script, String method, PtNDManager manager) {
        this.script = script;
        this.method = method;
        this.manager = manager;
    }

    /** Returns the manager that tensors of this call are made by. */
    public NDManager manager() {
        return manager;
    }

    /** Adds a tensor. */
    public InferenceCall tensor(NDArray array) {
        return own(IValue.from((PtNDArray) array));
    }

    /** Adds a list of tensors. */
    public InferenceCall tensors(List<NDArray> arrays) {
        return own(IValue.listFrom(arrays.toArray(PtNDArray[]::new)));
    }

    /** Adds named tensors. */
    public InferenceCall tensors(NamedTensors tensors) {
        arguments.add(tensors.dictionary());
        return this;
    }

    /** Adds an integer. */
    public InferenceCall integer(long value) {
        return own(IValue.from(value));
    }

    /** Adds a list of integers. */
    public InferenceCall integers(long... values) {
        return own(IValue.listFrom(values));
    }

    /** Adds a real number. */
    public InferenceCall real(double value) {
        return own(IValue.from(value));
    }

    /** Adds a list of real numbers. */
    public InferenceCall reals(double... values) {
        return own(IValue.listFrom(values));
    }

    /** Adds a tuple of strings, integers (long), real numbers (double), truths and lists of real numbers (double[]). */
    public InferenceCall tuple(Object... values) {
        IValue[] parts = new IValue[values.length];
        for (int i = 0; i < parts.length; i++) {
            parts[i] = plain(values[i]);
            owned.add(parts[i]);
        }
        return own(IValue.tupleFrom(parts));
    }

    private static IValue plain(Object value) {
        if (value instanceof String text) {
            return IValue.from(text);
        }
        if (value instanceof Long integer) {
            return IValue.from(integer);
        }
        if (value instanceof Double real) {
            return IValue.from(real);
        }
        if (value instanceof Boolean truth) {
            return IValue.from(truth);
        }
        if (value instanceof double[] reals) {
            return IValue.listFrom(reals);
        }
        throw new IllegalArgumentException("argument of " + value.getClass() + " (expected: a plain value)");
    }

    /** Runs; the tensors that come back live until this call is closed, or in {@code target} where one is given. */
    public NDList run() {
        return run(manager);
    }

    /** Runs; the tensors that come back belong to a manager that outlives this call. */
    public NDList run(NDManager target) {
        try (IValue result = script.runInference(method, arguments.toArray(IValue[]::new))) {
            return result.isTensor() || result.isTensorList() || result.isList() || result.isTuple()
                    ? result.toNDList((PtNDManager) target)
                    : new NDList(); // a method that returns nothing
        }
    }

    private InferenceCall own(IValue value) {
        owned.add(value);
        arguments.add(value);
        return this;
    }

    @Override
    public void close() {
        owned.forEach(IValue::close);
        manager.close();
    }
}
