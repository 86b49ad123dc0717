package dev.lyne.lm.engine;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.lyne.lm.engine.ProductKernels.Product;
import dev.lyne.lm.model.ModelOptions;
import java.util.ArrayList;
import java.util.List;

/**
 * Speed at which a device multiplies two matrices of 1024² by its fastest kernel, which is what a forward is measured
 * against. One thread.
 */
public final class ProductSpeed implements AutoCloseable {
    private static final int SIZE = 1024;
    private static final int REPEATS = 8;

    private final List<Script> kernels = new ArrayList<>();
    private final NDManager memory;
    private final List<NDArray> operands;

    /** Kernels that this build has for the device, and operands in the precision. */
    public ProductSpeed(ModelOptions options) {
        kernels.add(load(ProductKernels.TORCH, options));
        if (options.device().equals("cpu")) {
            try {
                kernels.add(load(new ProductKernels(List.of(new Product(SIZE, SIZE, false))), options));
            } catch (EngineException e) { // not in this build: PyTorch's own is the best there is
                kernels.subList(1, kernels.size()).clear();
            }
        }
        Script first = kernels.get(0);
        memory = first.newManager();
        try (InferenceCall call = first.inference("operands")) {
            operands = List.copyOf(call.tensor(call.manager().create(0))
                    .integer(SIZE)
                    .integer(options.precision().torchScalarType())
                    .run(memory));
        }
        bestGflops(); // the first product of a kernel makes its code
    }

    private static Script load(ProductKernels kernels, ModelOptions options) {
        return Script.load(
                List.of(kernels.methods(), ScriptSource.PRODUCT_SPEED.methods()), kernels.constants(), options);
    }

    /** 10⁹ operations a second of the fastest product among a few of each kernel. */
    public double bestGflops() {
        long best = Long.MAX_VALUE;
        for (int i = 0; i < REPEATS; i++) {
            for (Script kernel : kernels) {
                try (InferenceCall call = kernel.inference("multiply")) {
                    call.tensors(operands);
                    long start = System.nanoTime();
                    call.run();
                    best = Math.min(best, System.nanoTime() - start);
                }
            }
        }
        return 2.0 * SIZE * SIZE * SIZE / best;
    }

    @Override
    public void close() {
        memory.close();
        kernels.forEach(Script::close);
    }
}
