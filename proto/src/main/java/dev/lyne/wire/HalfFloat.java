package dev.lyne.wire;

/** IEEE 754 binary16, rounded to nearest, ties to even. */
final class HalfFloat {
    /** Largest finite value. */
    static final float MAX = 65_504f;

    private HalfFloat() {}

    /** The nearest half; infinite where the value is past {@link #MAX}. NaN is not looked for. */
    static short fromFloat(float value) {
        int bits = Float.floatToRawIntBits(value);
        int sign = (bits >>> 16) & 0x8000;
        int magnitude = bits & 0x7fffffff;
        if (magnitude >= 0x47800000) { // 2^16 and above
            return (short) (sign | 0x7c00);
        }
        if (magnitude >= 0x38800000) { // normal: 2^-14 and above
            int rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
            return (short) (sign | (rounded - 0x38000000) >>> 13);
        }
        // subnormal: adding 0.5 leaves the value, in units of 2^-24, in the lowest bits of the sum, rounded by the
        // addition
        int units = Float.floatToRawIntBits(Float.intBitsToFloat(magnitude) + 0.5f) - Float.floatToRawIntBits(0.5f);
        return (short) (sign | units);
    }

    static float toFloat(short half) {
        int magnitude = half & 0x7fff;
        float value = magnitude >= 0x7c00
                ? Float.intBitsToFloat(0x7f800000 | (magnitude & 0x3ff) << 13)
                : magnitude >= 0x400 ? Float.intBitsToFloat((magnitude << 13) + 0x38000000) : magnitude * 0x1p-24f;
        return half < 0 ? -value : value;
    }
}
