package dev.lyne.lm.engine;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.lyne.lm.model.Architecture;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The kernels of a model's products with its weights, by the weight's shape. PyTorch multiplies float32 matrices by MKL, which runs at
 * half of what some processors can; the same library holds oneDNN's product as an operator. Both are measured, and oneDNN's is taken unless it is far slower.
 *
 * @param oneDnn shapes {@code [out, in]} that oneDNN multiplies; all others are PyTorch's
 */
public record ProductKernels(List<Product> oneDnn) {
    /** PyTorch's own for all. */
    public static final ProductKernels TORCH = new ProductKernels(List.of());

    private static final Logger LOG = LoggerFactory.getLogger(ProductKernels.class);

    /** A layer's matrix, unlike those that tokens or positions are looked up in. */
    private static final Pattern LAYER = Pattern.compile("\\.(layers|h)\\.\\d+\\.");

    /**
     * Part of PyTorch's time that oneDNN may take. Equals go to oneDNN, which also applies gates and activations as it writes; and what a
     * busy moment adds must not change the choice, since the bits of rows depend on it and replicas have to agree.
     */
    private static final double NOT_SLOWER = 1.5;

    /** Numbers of the smallest weight worth a measurement. */
    private static final long SMALLEST = 1 << 16;

    /** Numbers of the smallest trained weight worth a measurement: its products are three, of many rows each. */
    private static final long SMALLEST_TRAINED = 1 << 14;

    private static final String SUM_ONTO = "  def sum_onto(self, x: Tensor, weight: Tensor, onto: Tensor) -> Tensor:\n"
            + "    return self.product_onto(x, weight, None, onto)\n";

    private static final String PROBE = "  def probe(self, x: Tensor) -> Tensor:\n"
            + "    return ops.mkldnn._linear_pointwise(x, x, None, \"none\", annotate(List[Optional[number]], []), \"\")\n";

    private static final double MOST_OPERATIONS = 3e8;
    private static final int MOST_ROWS = 1_024;
    private static final int LEAST_ROWS = 64;
    private static final int REPEATS = 4;

    /** A time that falls by less than this part of it has been found. */
    private static final double SETTLED = 0.03;

    private static final int MOST_ROUNDS = 20;

    /**
     * A weight's shape.
     *
     * @param transposed whether it is stored as {@code [in, out]}
     */
    public record Product(long out, long in, boolean transposed) {}

    public ProductKernels {
        oneDnn = List.copyOf(oneDnn);
    }

    /**
     * The faster kernel of each of a model's shapes on this processor, in fractions of a second; PyTorch's own wherever there is no
     * other.
     *
     * @param vocabularySize rows of the output matrix that are multiplied
     * @param layout of the weights
     */
    public static ProductKernels measure(
            ModelConfiguration configuration, int vocabularySize, ModelOptions options, WeightLayout layout) {
        if (!options.device().equals("cpu") || options.precision() != ComputePrecision.FLOAT32) {
            return TORCH; // bfloat16 goes through oneDNN as it is
        }
        List<Product> large = products(configuration, vocabularySize, layout).stream()
                .filter(product -> product.out() * product.in() >= SMALLEST)
                .toList();
        if (large.isEmpty() || !isThere(options)) {
            return TORCH;
        }
        try (Script oneDnn = new ProductKernels(large).load(options);
                Script torch = TORCH.load(options)) {
            return new ProductKernels(large.stream()
                    .filter(product -> isFaster(oneDnn, torch, product))
                    .toList());
        }
    }

    /**
     * oneDNN for all of a model's shapes that are worth it, without a measurement, which would decide the bits of trained weights;
     * PyTorch's own where this build or device has no other.
     *
     * @param vocabularySize rows of the output matrix that are multiplied
     */
    public static ProductKernels forTraining(
            ModelConfiguration configuration, int vocabularySize, ModelOptions options) {
        if (!options.device().equals("cpu") || options.precision() != ComputePrecision.FLOAT32) {
            return TORCH;
        }
        List<Product> large = products(configuration, vocabularySize, WeightLayout.asStored(configuration)).stream()
                .filter(product -> product.out() * product.in() >= SMALLEST_TRAINED)
                .toList();
        if (large.isEmpty()) {
            return TORCH;
        }
        return isThere(options) ? new ProductKernels(large) : TORCH;
    }

    /** Whether this build of PyTorch has oneDNN's product: a script that names an operator that is not there does not load. */
    private static boolean isThere(ModelOptions options) {
        try (Script probe = Script.load(List.of(PROBE), Map.of(), options)) {
            return true;
        } catch (EngineException e) {
            LOG.info("this build of PyTorch lacks oneDNN's product: its own is used ({})", firstLine(e));
            return false;
        }
    }

    /** oneDNN for all of a model's shapes, measured or not. */
    public static ProductKernels allOneDnn(ModelConfiguration configuration, WeightLayout layout) {
        return new ProductKernels(
                List.copyOf(products(configuration, configuration.sizes().vocabulary(), layout)));
    }

    /** Shapes of the matrices that hidden states are multiplied with, each once. */
    static Set<Product> products(ModelConfiguration configuration, int vocabularySize, WeightLayout layout) {
        Set<Product> products = new LinkedHashSet<>();
        boolean transposed = configuration.architecture() == Architecture.GPT2;
        layout.shapes().forEach((name, shape) -> {
            if (shape.length == 2 && LAYER.matcher(name).find()) {
                products.add(
                        transposed ? new Product(shape[1], shape[0], true) : new Product(shape[0], shape[1], false));
            }
        });
        products.add(new Product(vocabularySize, configuration.sizes().hidden(), false));
        return products;
    }

    private static String firstLine(EngineException e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }

    private Script load(ModelOptions options) {
        return Script.load(List.of(methods(), SUM_ONTO), constants(), options);
    }

    /** Returns whether oneDNN is faster at a product and the sum that follows most of them. */
    private static boolean isFaster(Script oneDnn, Script torch, Product product) {
        int rows =
                (int) Math.max(LEAST_ROWS, Math.min(MOST_ROWS, MOST_OPERATIONS / (2.0 * product.out() * product.in())));
        try (NDManager memory = torch.newManager()) {
            NDArray x = memory.randomNormal(0f, 1f, new Shape(rows, product.in()), DataType.FLOAT32);
            Shape stored = product.transposed()
                    ? new Shape(product.in(), product.out())
                    : new Shape(product.out(), product.in());
            NDArray weight = memory.randomNormal(0f, 1f, stored, DataType.FLOAT32);
            NDArray seen = product.transposed() ? weight.transpose() : weight;
            NDArray onto = memory.zeros(new Shape(rows, product.out()));
            return isFaster(() -> nanos(oneDnn, x, seen, onto), () -> nanos(torch, x, seen, onto));
        }
    }

    /**
     * Whether the one kernel is to be taken, by the shortest times of both. They are taken in turns until a round of them makes neither
     * any shorter: among other work a few products alone may all be disturbed, of one kernel more than of the other.
     */
    static boolean isFaster(LongSupplier oneDnn, LongSupplier torch) {
        long oneDnnNanos = Long.MAX_VALUE;
        long torchNanos = Long.MAX_VALUE;
        for (int round = 0; round < MOST_ROUNDS; round++) {
            double oneDnnBefore = oneDnnNanos;
            double torchBefore = torchNanos;
            for (int i = 0; i < REPEATS; i++) {
                torchNanos = Math.min(torchNanos, torch.getAsLong());
                oneDnnNanos = Math.min(oneDnnNanos, oneDnn.getAsLong());
            }
            if (oneDnnNanos > (1 - SETTLED) * oneDnnBefore && torchNanos > (1 - SETTLED) * torchBefore) {
                break;
            }
        }
        return oneDnnNanos < NOT_SLOWER * torchNanos;
    }

    private static long nanos(Script script, NDArray x, NDArray weight, NDArray onto) {
        try (InferenceCall call = script.inference("sum_onto")) {
            call.tensor(x).tensor(weight).tensor(onto);
            long start = System.nanoTime();
            call.run();
            return System.nanoTime() - start;
        }
    }

    /** Names the shapes of oneDNN's products; nothing where PyTorch's own are used alone. */
    String inFingerprint() {
        return oneDnn.isEmpty()
                ? ""
                : oneDnn.stream()
                        .map(product -> product.out() + "x" + product.in())
                        .sorted()
                        .distinct()
                        .collect(Collectors.joining(" ", ", oneDNN ", ""));
    }

    /** The methods of these products and of what else layers are made of, indented as members of a class. */
    public String methods() {
        return ScriptSource.OPERATORS.methods()
                + (oneDnn.isEmpty()
                        ? ScriptSource.PRODUCTS.methods()
                        : ScriptSource.PRODUCTS_ONEDNN.methods() + ScriptSource.CUTS.methods());
    }

    /** Returns the constants that the script of {@link #methods} reads from {@code self}. */
    public Map<String, Object> constants() {
        Map<String, Object> constants = new LinkedHashMap<>();
        constants.put("attention_in_blocks", Processor.attendsInBlocks() ? 1L : 0L);
        if (!oneDnn.isEmpty()) {
            List<Long> shapes = new ArrayList<>();
            for (Product product : oneDnn) {
                shapes.add(product.out());
                shapes.add(product.in());
            }
            constants.put("onednn_shapes", shapes);
            constants.put("cuts", ScriptArchive.NO_TENSORS);
            constants.put("cut_kinds", List.of());
        }
        return constants;
    }
}
