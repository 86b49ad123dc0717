package dev.lyne.lm.model;

/** The floating-point format that matrix products are computed in. */
public enum ComputePrecision {
    FLOAT32("float32", 6),
    BFLOAT16("bfloat16", 15),
    FLOAT16("float16", 5);

    private final String torchName;
    private final int torchScalarType;

    ComputePrecision(String torchName, int torchScalarType) {
        this.torchName = torchName;
        this.torchScalarType = torchScalarType;
    }

    /** Name as PyTorch and `config.json` write it. */
    public String torchName() {
        return torchName;
    }

    /** PyTorch's number of the scalar type, for scripts. */
    public int torchScalarType() {
        return torchScalarType;
    }

    /** Bytes of a number. */
    public int bytes() {
        return this == FLOAT32 ? Float.BYTES : Short.BYTES;
    }

    /** The precision of that name; refuses any other with the names there are. */
    public static ComputePrecision of(String name) {
        for (ComputePrecision precision : values()) {
            if (precision.torchName.equals(name)) {
                return precision;
            }
        }
        throw new IllegalArgumentException("precision: " + name + " (expected: float32, bfloat16 or float16)");
    }
}
