package dev.lyne.lm.engine;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.engine.StandardCapabilities;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.util.cuda.CudaUtils;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.row.ExecutionFingerprint;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A TorchScript module on one device, without weights: they come in with each call. One thread at a time calls it. The number
 * of threads of an operator belongs to the process, so the last model that sets one decides for all.
 */
public final class Script implements AutoCloseable {
    /** PyTorch's number of the type of 64-bit floats, which tests compute in. */
    public static final int FLOAT64 = 7;

    /**
     * Version of the arithmetic of models. <b>Raise it with every change that moves a bit of a row</b>: of a script of this package, of
     * what calls it, of how weights are laid out. It is the one place that does; execution fingerprints carry it to whatever compares them.
     */
    static final int ARITHMETIC_VERSION = 3;

    private static final ReentrantLock LOADING = new ReentrantLock();

    private final PtNDManager manager;
    private final PtSymbolBlock module;
    private final int threads;

    /** The thread whose engine settings, which are a thread's own, were made last. Owned by the calling thread. */
    private @Nullable Thread prepared;

    private Script(PtNDManager manager, PtSymbolBlock module, int threads) {
        this.manager = manager;
        this.module = module;
        this.threads = threads;
    }

    /**
     * Loads methods with the constants that they read from {@code self}.
     *
     * @param methods sources, indented as members of a class
     * @param constants values by name: {@link Long}, {@link Double} or lists of longs
     */
    public static Script load(List<String> methods, Map<String, Object> constants, ModelOptions options) {
        byte[] archive = ScriptArchive.pack(methods, constants);
        LOADING.lock(); // the engine's start is not safe for several threads
        try {
            Engine engine = Engine.getEngine("PyTorch");
            Device device = device(engine, options);
            PtNDManager manager = (PtNDManager) engine.newBaseManager(device);
            try {
                PtSymbolBlock module = JniUtils.loadModule(manager, new ByteArrayInputStream(archive), false, false);
                Script script = new Script(manager, module, options.threads());
                script.prepareThread();
                return script;
            } catch (IOException e) {
                manager.close();
                throw new UncheckedIOException(e);
            } catch (RuntimeException e) {
                manager.close();
                throw e;
            }
        } finally {
            LOADING.unlock();
        }
    }

    /** Refuses a device that is not there, of which the engine would say less. */
    private static Device device(Engine engine, ModelOptions options) {
        Device device = Device.fromName(options.device().replace("cuda:", "gpu"));
        int there = engine.hasCapability(StandardCapabilities.CUDA) ? CudaUtils.getGpuCount() : 0;
        if (device.isGpu() && device.getDeviceId() >= there) {
            throw new IllegalArgumentException("device: " + options.device() + " (expected: cpu"
                    + (there == 0 ? ": PyTorch finds no CUDA device here" : ", or cuda:0..cuda:" + (there - 1)) + ")");
        }
        return device;
    }

    /** A manager of tensors on the script's device; the caller closes it. */
    public NDManager newManager() {
        return manager.newSubManager();
    }

    /** Begins a call under inference mode. */
    public InferenceCall inference(String method) {
        return new InferenceCall(this, method, (PtNDManager) manager.newSubManager());
    }

    /** Begins a call that may compute gradients and change tensors in place. */
    public TrainingCall training(String method) {
        return new TrainingCall(this, method, (PtNDManager) manager.newSubManager());
    }

    IValue runInference(String method, IValue[] arguments) {
        prepareThread();
        return IValueUtils.runMethod(module, method, arguments);
    }

    NDList runTraining(NDList arguments) {
        prepareThread();
        boolean before = JniUtils.isGradMode();
        JniUtils.setGradMode(true);
        try {
            return IValueUtils.forward(module, arguments, true);
        } finally {
            JniUtils.setGradMode(before);
        }
    }

    /** The optimiser of graphs, which would profile and recompile for each new shape, is switched off a thread. */
    private void prepareThread() {
        if (prepared != Thread.currentThread()) {
            JniUtils.setGraphExecutorOptimize(false);
            if (threads > 0) {
                JniUtils.setNumThreads(threads);
            }
            prepared = Thread.currentThread();
        }
    }

    /** Returns all that decides the last bits of this script's results at a precision with these products. */
    public ExecutionFingerprint fingerprint(ComputePrecision precision, ProductKernels products) {
        prepareThread();
        boolean onCpu = !manager.getDevice().isGpu();
        return new ExecutionFingerprint(
                Engine.getEngine("PyTorch").getVersion(),
                onCpu
                        ? Processor.modelName()
                        : Processor.cudaName(manager.getDevice().getDeviceId()),
                Processor.capability() + (onCpu ? tiles(precision) : "") + products.inFingerprint(),
                ARITHMETIC_VERSION,
                JniUtils.getNumThreads(),
                precision.torchName());
    }

    private static String tiles(ComputePrecision precision) {
        return precision == ComputePrecision.BFLOAT16 && Processor.hasBfloat16Tiles() ? " AMX" : "";
    }

    @Override
    public void close() {
        module.close();
        manager.close();
    }
}
