package dev.lyne.lm.weights;

import java.util.Arrays;

/** A tensor of a safetensors file: its name, element type and shape (`[]` for a single number). */
@SuppressWarnings("ArrayRecordComponent") // compared by equals below; the shape is never changed
public record TensorEntry(String name, StoredType type, long[] shape) {
    public TensorEntry {
        shape = shape.clone();
        long product = 1;
        for (long extent : shape) {
            if (extent < 0) {
                throw new IllegalArgumentException(
                        "tensor " + name + ": shape " + Arrays.toString(shape) + " (expected: extents of at least 0)");
            }
            product = multiply(product, extent, name, shape);
        }
        multiply(product, type.bytes(), name, shape);
    }

    /** Numbers in it. */
    public long elements() {
        long product = 1;
        for (long extent : shape) {
            product *= extent;
        }
        return product;
    }

    /** Returns the tensor's size in the file. */
    public long bytes() {
        return elements() * type.bytes();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TensorEntry that
                && name.equals(that.name)
                && type == that.type
                && Arrays.equals(shape, that.shape);
    }

    @Override
    public int hashCode() {
        return name.hashCode() * 31 + Arrays.hashCode(shape);
    }

    @Override
    public String toString() {
        return name + " " + type + Arrays.toString(shape);
    }

    private static long multiply(long product, long factor, String name, long[] shape) {
        try {
            return Math.multiplyExact(product, factor);
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(
                    "tensor " + name + ": shape " + Arrays.toString(shape) + " (expected: a size below 2^63 bytes)", e);
        }
    }
}
