package dev.lyne.lm.weights;

import dev.lyne.lm.model.DerivedTensor;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.RopeScaling;
import dev.lyne.lm.model.RotaryEmbedding;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The comparison of tensors that a checkpoint holds although they follow from others, or from the configuration, with what they follow
 * from. One that differs is not what is computed, so the checkpoint is refused.
 */
final class DerivedTensorCheck {
    /** Powers may differ by so many units in the last place between libraries. */
    private static final int FREQUENCY_ULPS = 2;

    /** Masked value that is nearest to 0, of those that were ever written. */
    private static final double MASKED_VALUE = -10_000;

    private static final int PIECE_ELEMENTS = 1 << 18;

    private final SafetensorsModel model;
    private final ModelConfiguration configuration;

    DerivedTensorCheck(SafetensorsModel model, ModelConfiguration configuration) {
        this.model = model;
        this.configuration = configuration;
    }

    /** Refuses the tensor unless it is what it follows from, rounded to its stored type. */
    void require(TensorEntry tensor, DerivedTensor derived) throws IOException {
        switch (derived) {
            case TIED_OUTPUT -> requireEmbedding(tensor);
            case ROTARY_FREQUENCIES -> requireFrequencies(tensor);
            case CAUSAL_MASK -> requireCausal(tensor);
            case MASKED_VALUE -> requireMasked(tensor);
        }
    }

    private void requireEmbedding(TensorEntry tensor) throws IOException {
        String name = configuration.embeddingTensor();
        TensorEntry embedding = model.tensor(name);
        String why = ", as in " + name + ": tie_word_embeddings is true";
        if (!Arrays.equals(tensor.shape(), embedding.shape())) {
            throw refuse(tensor, "shape " + Arrays.toString(tensor.shape()), Arrays.toString(embedding.shape()) + why);
        }
        if (!tensor.type().isWeight()) {
            throw refuse(tensor, "type " + tensor.type(), "F32, F16 or BF16");
        }
        for (long start = 0; start < tensor.elements(); start += PIECE_ELEMENTS) {
            double[] values = read(tensor, start);
            double[] expected = read(embedding, start);
            for (int i = 0; i < values.length; i++) {
                double rounded = rounded((float) expected[i], tensor.type());
                if (values[i] != rounded && !(Double.isNaN(values[i]) && Double.isNaN(rounded))) {
                    throw refuse(tensor, element(tensor, start + i, values[i]), text(rounded) + why);
                }
            }
        }
    }

    private void requireFrequencies(TensorEntry tensor) throws IOException {
        float[] expected = RotaryEmbedding.of(configuration.rotation()).inverseFrequencies();
        if (tensor.shape().length != 1 || tensor.elements() != expected.length) {
            throw refuse(tensor, "shape " + Arrays.toString(tensor.shape()), "[" + expected.length + "]");
        }
        double[] values = read(tensor, 0);
        // Linear scaling once divided the positions, and left the frequencies as they were.
        double positions =
                configuration.rotation().scaling() instanceof RopeScaling.Linear linear ? linear.factor() : 1;
        boolean unscaled =
                positions != 1 && values.length > 0 && near(values[0], (float) (expected[0] * positions), tensor);
        for (int i = 0; i < values.length; i++) {
            float frequency = unscaled ? (float) (expected[i] * positions) : expected[i];
            if (!near(values[i], frequency, tensor)) {
                throw refuse(
                        tensor,
                        element(tensor, i, values[i]),
                        text(rounded(frequency, tensor.type())) + ", by the rotary settings of "
                                + ModelConfiguration.FILE_NAME);
            }
        }
    }

    private static boolean near(double value, float frequency, TensorEntry tensor) {
        float above = frequency;
        float below = frequency;
        for (int i = 0; i < FREQUENCY_ULPS; i++) {
            above = Math.nextUp(above);
            below = Math.nextDown(below);
        }
        return rounded(below, tensor.type()) <= value && value <= rounded(above, tensor.type());
    }

    private void requireCausal(TensorEntry tensor) throws IOException {
        long[] shape = tensor.shape();
        int rank = shape.length;
        boolean square = rank >= 2
                && shape[rank - 1] == shape[rank - 2]
                && Arrays.stream(shape).limit(rank - 2).allMatch(extent -> extent == 1);
        if (!square) {
            throw refuse(tensor, "shape " + Arrays.toString(shape), "[1, 1, n, n], a causal mask");
        }
        long extent = shape[rank - 1];
        for (long start = 0; start < tensor.elements(); start += PIECE_ELEMENTS) {
            double[] values = read(tensor, start);
            for (int i = 0; i < values.length; i++) {
                long row = (start + i) / extent;
                double expected = (start + i) % extent <= row ? 1 : 0;
                if (values[i] != expected) {
                    throw refuse(
                            tensor,
                            element(tensor, start + i, values[i]),
                            text(expected) + ", as a position sees itself and those before it");
                }
            }
        }
    }

    private void requireMasked(TensorEntry tensor) throws IOException {
        if (tensor.elements() != 1) {
            throw refuse(tensor, "shape " + Arrays.toString(tensor.shape()), "a single number");
        }
        double value = read(tensor, 0)[0];
        if (!(value <= rounded((float) MASKED_VALUE, tensor.type()))) {
            throw refuse(tensor, element(tensor, 0, value), text(MASKED_VALUE) + " or less, which hides a position");
        }
    }

    /** Up to a piece's elements of a tensor, whatever their type. */
    private double[] read(TensorEntry tensor, long start) throws IOException {
        StoredType type = tensor.type();
        int count = (int) Math.min(PIECE_ELEMENTS, tensor.elements() - start);
        ByteBuffer bytes = ByteBuffer.allocate(count * type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        model.read(tensor.name(), start * type.bytes(), bytes);
        bytes.flip();
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            values[i] = switch (type) {
                case F64 -> bytes.getDouble();
                case F32 -> bytes.getFloat();
                case F16 -> StoredFloats.fromFloat16(bytes.getShort());
                case BF16 -> StoredFloats.fromBfloat16(bytes.getShort());
                case I64 -> bytes.getLong();
                case I32 -> bytes.getInt();
                case I16 -> bytes.getShort();
                case I8 -> bytes.get();
                case U8, BOOL -> Byte.toUnsignedInt(bytes.get());
            };
        }
        return values;
    }

    private static double rounded(float value, StoredType type) {
        return switch (type) {
            case F16 -> StoredFloats.fromFloat16(StoredFloats.toFloat16(value));
            case BF16 -> StoredFloats.fromBfloat16(StoredFloats.toBfloat16(value));
            default -> value;
        };
    }

    private static String element(TensorEntry tensor, long index, double value) {
        List<Long> position = new ArrayList<>();
        long rest = index;
        for (int axis = tensor.shape().length - 1; axis >= 0; axis--) {
            position.add(0, rest % tensor.shape()[axis]);
            rest /= tensor.shape()[axis];
        }
        return "element " + position + ": " + text(value);
    }

    private static String text(double value) {
        return (float) value == value || Double.isNaN(value) ? Float.toString((float) value) : Double.toString(value);
    }

    private IllegalArgumentException refuse(TensorEntry tensor, String value, String expected) {
        return model.refuse(tensor.name(), value, expected);
    }
}
