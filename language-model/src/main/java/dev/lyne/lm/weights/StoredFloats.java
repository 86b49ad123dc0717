package dev.lyne.lm.weights;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;

/** Conversion between float32 and the stored types, rounding to nearest with ties to even, as PyTorch rounds. */
public final class StoredFloats {
    private static final short BFLOAT16_NAN = 0x7FC0;
    private static final float FLOAT16_SMALLEST_NORMAL = 0x1p-14f;
    private static final float FLOAT16_OVERFLOW = 65520f; // the midpoint between the largest and infinity
    private static final int FLOAT16_INFINITY = 0x7C00;
    private static final int BFLOAT16_INFINITY = 0x7F80;
    private static final int BFLOAT16_OF_FLOAT16_OVERFLOW = 0x4780; // 65536, the least bfloat16 that is not below it

    /** The largest number of float16. */
    public static final float FLOAT16_MAX = 65504f;

    private StoredFloats() {}

    /** The bits of the nearest bfloat16. */
    public static short toBfloat16(float value) {
        if (Float.isNaN(value)) {
            return BFLOAT16_NAN;
        }
        int bits = Float.floatToRawIntBits(value);
        int lowestKept = (bits >>> 16) & 1;
        return (short) ((bits + 0x7FFF + lowestKept) >>> 16);
    }

    /** The value of bfloat16 bits. */
    public static float fromBfloat16(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** The bits of the nearest float16; beyond its range infinity. */
    public static short toFloat16(float value) {
        int sign = (Float.floatToRawIntBits(value) >>> 16) & 0x8000;
        float magnitude = Math.abs(value);
        if (Float.isNaN(value)) {
            return (short) (sign | 0x7E00);
        }
        if (magnitude >= FLOAT16_OVERFLOW) {
            return (short) (sign | 0x7C00);
        }
        if (magnitude < FLOAT16_SMALLEST_NORMAL) {
            // Subnormals are multiples of 2^-24; the product is exact and rint rounds ties to even.
            return (short) (sign | (int) Math.rint(magnitude * 0x1p24f));
        }
        int bits = Float.floatToRawIntBits(magnitude) - (112 << 23); // exponent bias 127 to 15
        int lowestKept = (bits >>> 13) & 1;
        return (short) (sign | ((bits + 0xFFF + lowestKept) >>> 13));
    }

    /** The value of float16 bits. */
    public static float fromFloat16(short bits) {
        int sign = (bits & 0x8000) << 16;
        int exponent = (bits >>> 10) & 0x1F;
        int fraction = bits & 0x3FF;
        if (exponent == 0) {
            float magnitude = fraction * 0x1p-24f;
            return sign == 0 ? magnitude : -magnitude;
        }
        int wide = exponent == 0x1F ? 0xFF : exponent + 112;
        return Float.intBitsToFloat(sign | (wide << 23) | (fraction << 13));
    }

    /** Appends {@code count} values to {@code into} as little-endian F32, BF16 or F16. */
    public static void encode(float[] values, int offset, int count, StoredType type, ByteBuffer into) {
        requireWeight(type);
        ByteBuffer bytes = into.slice().order(ByteOrder.LITTLE_ENDIAN);
        for (int i = offset; i < offset + count; i++) {
            switch (type) {
                case F32 -> bytes.putFloat(values[i]);
                case BF16 -> bytes.putShort(toBfloat16(values[i]));
                default -> bytes.putShort(toFloat16(values[i]));
            }
        }
        into.position(into.position() + bytes.position());
    }

    /** Takes {@code count} values of little-endian F32, BF16 or F16 from {@code from}. */
    public static void decode(ByteBuffer from, StoredType type, float[] into, int offset, int count) {
        requireWeight(type);
        ByteBuffer bytes = from.slice().order(ByteOrder.LITTLE_ENDIAN);
        for (int i = offset; i < offset + count; i++) {
            into[i] = switch (type) {
                case F32 -> bytes.getFloat();
                case BF16 -> fromBfloat16(bytes.getShort());
                default -> fromFloat16(bytes.getShort());
            };
        }
        from.position(from.position() + bytes.position());
    }

    /** The first of little-endian F16 or BF16 that is infinite or no number, counted from 0; −1 for none. */
    public static int firstNotFinite(ByteBuffer bytes, StoredType type) {
        int infinity = type == StoredType.F16 ? FLOAT16_INFINITY : BFLOAT16_INFINITY;
        ShortBuffer values = bytes.slice().order(ByteOrder.LITTLE_ENDIAN).asShortBuffer();
        for (int i = 0; i < values.limit(); i++) {
            if ((values.get(i) & 0x7FFF) >= infinity) {
                return i;
            }
        }
        return -1;
    }

    /** The first of little-endian F32 or BF16 that is finite, but not as float16, counted from 0; −1 for none. */
    public static int firstBeyondFloat16(ByteBuffer bytes, StoredType type) {
        ByteBuffer slice = bytes.slice().order(ByteOrder.LITTLE_ENDIAN);
        if (type == StoredType.BF16) {
            ShortBuffer values = slice.asShortBuffer();
            for (int i = 0; i < values.limit(); i++) {
                int magnitude = values.get(i) & 0x7FFF;
                if (magnitude >= BFLOAT16_OF_FLOAT16_OVERFLOW && magnitude < BFLOAT16_INFINITY) {
                    return i;
                }
            }
        } else if (type == StoredType.F32) {
            FloatBuffer values = slice.asFloatBuffer();
            for (int i = 0; i < values.limit(); i++) {
                float magnitude = Math.abs(values.get(i));
                if (magnitude >= FLOAT16_OVERFLOW && magnitude < Float.POSITIVE_INFINITY) {
                    return i;
                }
            }
        }
        return -1;
    }

    private static void requireWeight(StoredType type) {
        if (!type.isWeight()) {
            throw new IllegalArgumentException("stored type: " + type + " (expected: F32, BF16 or F16)");
        }
    }
}
