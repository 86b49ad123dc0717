package dev.lyne.teacher.model;

import java.util.Locale;

/** Tells a device without memory from other failures: PyTorch says so by a message alone. */
public final class DeviceMemory {
    private DeviceMemory() {}

    /** Whether a model threw for want of its device's memory. Java's own memory is another matter. */
    public static boolean isExhausted(Throwable thrown) {
        String message = String.valueOf(thrown.getMessage()).toLowerCase(Locale.ROOT);
        return !(thrown instanceof Error)
                && (message.contains("out of memory") || message.contains("can't allocate memory"));
    }
}
