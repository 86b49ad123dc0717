package dev.lyne.lm.weights;

/** The element types of a safetensors file; little-endian, PyTorch's number beside each. */
public enum StoredType {
    F64(8, 7),
    F32(4, 6),
    F16(2, 5),
    BF16(2, 15),
    I64(8, 4),
    I32(4, 3),
    I16(2, 2),
    I8(1, 1),
    U8(1, 0),
    BOOL(1, 11);

    private final int bytes;
    private final int torchScalarType;

    StoredType(int bytes, int torchScalarType) {
        this.bytes = bytes;
        this.torchScalarType = torchScalarType;
    }

    /** Bytes an element. */
    public int bytes() {
        return bytes;
    }

    /** PyTorch's number of the scalar type, for scripts. */
    public int torchScalarType() {
        return torchScalarType;
    }

    /** Whether weights of a model may be stored so. */
    public boolean isWeight() {
        return this == F32 || this == F16 || this == BF16;
    }

    /** The type that PyTorch and `config.json` call {@code float32}, {@code bfloat16} or {@code float16}. */
    public static StoredType ofTorchName(String name) {
        return switch (name) {
            case "float32" -> F32;
            case "bfloat16" -> BF16;
            case "float16" -> F16;
            default ->
                throw new IllegalArgumentException(
                        "stored type: " + name + " (expected: float32, bfloat16 or float16)");
        };
    }
}
