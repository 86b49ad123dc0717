package dev.lyne.wire;

import java.nio.ByteBuffer;

/** Checks of numbers that a decoder makes before it believes them. */
final class Checks {
    private Checks() {}

    /** The value, where it is within its bounds. */
    static int bounded(String name, int value, int min, int max) {
        if (value < min || value > max) {
            throw new MalformedBlockException(
                    Integer.toUnsignedString(value) + " " + name + " (expected: " + min + ".." + max + ")");
        }
        return value;
    }

    /** Refuses a buffer that ends too early. */
    static void remaining(ByteBuffer in, long bytes, String what) {
        if (in.remaining() < bytes) {
            throw new MalformedBlockException(
                    in.remaining() + " bytes left for " + what + " (expected: at least " + bytes + ")");
        }
    }

    /** The value, where it is a number or −∞. */
    static float number(String name, float value) {
        if (Float.isNaN(value) || value == Float.POSITIVE_INFINITY) {
            throw new MalformedBlockException(name + " " + value + " (expected: a number)");
        }
        return value;
    }

    /** The value, where it is finite. */
    static float finite(String name, float value) {
        if (!Float.isFinite(value)) {
            throw new MalformedBlockException(name + " " + value + " (expected: finite)");
        }
        return value;
    }

    /** The value, where it is finite and within its bounds. */
    static float bounded(String name, float value, float min, float max) {
        if (!(value >= min && value <= max)) {
            throw new MalformedBlockException(name + " " + value + " (expected: " + min + ".." + max + ")");
        }
        return value;
    }
}
