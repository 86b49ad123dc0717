package dev.lyne.lm.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.lyne.lm.weights.SafetensorsModel;
import dev.lyne.lm.weights.SafetensorsWriter;
import dev.lyne.lm.weights.StoredFloats;
import dev.lyne.lm.weights.StoredType;
import dev.lyne.lm.weights.TensorEntry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Objects;

/**
 * Moves tensors between a device and files slice by slice, since one buffer of DJL stops at 2 GiB. The script must contain
 * {@link ScriptSource#TENSORS}.
 */
public final class TensorFiles {
    private static final int SLICE_BYTES = 64 << 20;

    private final Script script;
    private final int sliceBytes;

    /** Moves with a script's methods. */
    public TensorFiles(Script script) {
        this(script, SLICE_BYTES);
    }

    TensorFiles(Script script, int sliceBytes) {
        this.script = script;
        this.sliceBytes = sliceBytes;
    }

    /** Source of a tensor's little-endian bytes. */
    public interface Source {
        /** Fills the buffer with the bytes from {@code offsetBytes} on. */
        void read(long offsetBytes, ByteBuffer into) throws IOException;
    }

    /** An unfilled tensor for inference, in the manager that is to own it, on the script's device. */
    public NDArray empty(NamedTensors owner, long[] shape, int scalarType) {
        try (InferenceCall call = script.inference("empty")) {
            return call.tensor(call.manager().create(0))
                    .integers(shape)
                    .integer(scalarType)
                    .run(owner.manager())
                    .singletonOrThrow();
        }
    }

    /** Fills every tensor of {@code target} with the model's tensor of that name, converted to its own type. */
    public void readAll(SafetensorsModel model, NamedTensors target) throws IOException {
        for (Map.Entry<String, NDArray> tensor : target.arrays().entrySet()) {
            read(model, tensor.getKey(), tensor.getValue(), 0);
        }
    }

    /** Reads the model's tensors to their places in {@code target}, converted to the types there. */
    public void readAll(SafetensorsModel model, WeightLayout layout, NamedTensors target) throws IOException {
        for (Map.Entry<String, WeightLayout.Place> place : layout.places().entrySet()) {
            NDArray tensor = target.get(place.getValue().tensor());
            read(model, place.getKey(), tensor, place.getValue().firstElement());
        }
    }

    private void read(SafetensorsModel model, String name, NDArray target, long firstElement) throws IOException {
        TensorEntry entry = Objects.requireNonNull(model.tensors().get(name), name);
        read(entry, (offset, into) -> model.read(name, offset, into), target, firstElement);
    }

    /**
     * Fills a whole tensor, converting from the stored type to the tensor's own.
     *
     * @throws IllegalArgumentException where an element would become infinite
     */
    public void read(TensorEntry entry, Source source, NDArray target) throws IOException {
        read(entry, source, target, 0);
    }

    private void read(TensorEntry entry, Source source, NDArray target, long firstElement) throws IOException {
        long elements = entry.elements();
        int step = (int) Math.min(elements, sliceBytes / entry.type().bytes());
        // A copy of its own, not the mapped file, which ends the process where it is cut short under it.
        ByteBuffer slice = ByteBuffer.allocateDirect(step * entry.type().bytes());
        for (long start = 0; start < elements; start += step) {
            slice.clear().limit((int)
                    (Math.min(step, elements - start) * entry.type().bytes()));
            source.read(start * entry.type().bytes(), slice);
            slice.flip();
            if (target.getDataType() == DataType.FLOAT16) {
                requireWithinFloat16(entry, start, slice);
            }
            fill(target, firstElement + start, slice, entry.type());
        }
    }

    /**
     * Writes little-endian elements of a stored type into a tensor from element {@code start} on.
     *
     * @param bytes a direct buffer, free to be used again once this returns
     */
    public void fill(NDArray target, long start, ByteBuffer bytes, StoredType type) {
        try (InferenceCall call = script.inference("fill")) {
            NDArray data = call.manager().create(bytes, new Shape(bytes.remaining()), DataType.UINT8);
            call.tensor(target)
                    .integer(start)
                    .tensor(data)
                    .integer(type.torchScalarType())
                    .run();
        }
    }

    private static void requireWithinFloat16(TensorEntry entry, long start, ByteBuffer slice) {
        int found = StoredFloats.firstBeyondFloat16(slice, entry.type());
        if (found >= 0) {
            float[] value = new float[1];
            int bytes = entry.type().bytes();
            StoredFloats.decode(slice.slice(found * bytes, bytes), entry.type(), value, 0, 1);
            throw new IllegalArgumentException("tensor " + entry.name() + ": " + value[0] + " at element "
                    + (start + found) + " (expected: at most " + StoredFloats.FLOAT16_MAX
                    + " in magnitude in float16; bfloat16 and float32 hold more)");
        }
    }

    /**
     * Appends a tensor to a file, rounded to the stored type of its entry.
     *
     * @throws IllegalArgumentException where F16 or BF16 would hold an infinite element, or one that is no number
     */
    public void write(TensorEntry entry, NDArray source, SafetensorsWriter file) throws IOException {
        long elements = entry.elements();
        long step = sliceBytes / entry.type().bytes();
        for (long start = 0; start < elements; start += step) {
            try (InferenceCall call = script.inference("encode")) {
                NDArray bytes = call.tensor(source)
                        .integer(start)
                        .integer(Math.min(elements, start + step))
                        .integer(entry.type().torchScalarType())
                        .run()
                        .singletonOrThrow();
                ByteBuffer slice = bytes.toByteBuffer();
                if (entry.type() == StoredType.F16 || entry.type() == StoredType.BF16) {
                    requireFinite(entry, source, start, StoredFloats.firstNotFinite(slice, entry.type()));
                }
                file.write(entry.name(), slice);
            }
        }
    }

    /** @param found of the elements from {@code start} on; −1 for none */
    private void requireFinite(TensorEntry entry, NDArray source, long start, int found) {
        if (found < 0) {
            return;
        }
        float[] value = new float[1];
        try (InferenceCall call = script.inference("encode")) {
            NDArray bytes = call.tensor(source)
                    .integer(start + found)
                    .integer(start + found + 1)
                    .integer(StoredType.F32.torchScalarType())
                    .run()
                    .singletonOrThrow();
            StoredFloats.decode(bytes.toByteBuffer(), StoredType.F32, value, 0, 1);
        }
        throw new IllegalArgumentException("tensor " + entry.name() + ": " + value[0] + " at element "
                + (start + found) + " (expected: finite as " + entry.type()
                + (entry.type() == StoredType.F16
                        ? ", so at most " + StoredFloats.FLOAT16_MAX
                                + " in magnitude; the stored types bfloat16 and float32 hold more)"
                        : ")"));
    }
}
