package dev.lyne.lm.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDManager;

/** Arguments of one call that may change tensors in place, in order; closing frees them and the results. */
public final class TrainingCall implements AutoCloseable {
    private final Script script;
    private final PtNDManager manager;
    private final NDList arguments = new NDList();
    private final NDArray methodName;

    TrainingCall(Script script, String method, PtNDManager manager) {
        this.script = script;
        this.manager = manager;
        this.methodName = manager.create(0);
        methodName.setName("module_method:" + method);
    }

    /** Returns the manager that tensors of this call are made by. */
    public NDManager manager() {
        return manager;
    }

    /**
     * Adds a tensor made in {@link #manager()}. The first argument has to be one: DJL gives the results to the manager of the
     * first argument.
     */
    public TrainingCall tensor(NDArray array) {
        array.setName(null);
        arguments.add(array);
        return this;
    }

    /** Adds named tensors. */
    public TrainingCall tensors(NamedTensors tensors) {
        tensors.arrays().values().forEach(arguments::add);
        return this;
    }

    /** Runs; the tensors that come back live until this call is closed. */
    public NDList run() {
        arguments.add(methodName);
        return script.runTraining(arguments);
    }

    @Override
    public void close() {
        manager.close();
    }
}
