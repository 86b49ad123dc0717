package dev.lyne.teacher.server;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Plan of what a server may hold in the Java heap, all of it together.
 *
 * @param cacheBytes rows kept in memory
 * @param unsentBytes rows that are computed or wait for their readers; half as much again may be held for a while
 * @param unwrittenBytes rows that wait to be written to slower tiers
 * @param heapBytes the heap
 */
record HeapPlan(long cacheBytes, long unsentBytes, long unwrittenBytes, long heapBytes) {
    /** Most bytes of rows that wait to be written to one of the slower tiers, in this heap. */
    static long unwrittenBytes(long heapBytes) {
        return Math.min(64L << 20, heapBytes / 16);
    }

    /** Most bytes that HTTP requests take as they arrive and are read, of what is left to the work itself. */
    static long requestBytes(long heapBytes) {
        return heapBytes / 16;
    }

    /**
     * Returns the bytes of unsent rows where nothing is said: a quarter of the heap, or what a larger cache leaves of
     * four fifths.
     */
    static long usualUnsentBytes(long cacheBytes, long unwrittenBytes, long heapBytes) {
        long left = (heapBytes / 5 * 4 - Math.min(cacheBytes, heapBytes) - unwrittenBytes) / 3 * 2;
        return left < heapBytes / 64 ? heapBytes / 4 : Math.min(heapBytes / 4, left);
    }

    /** @throws IllegalArgumentException with the sum, where it leaves less than a fifth of the heap to the work itself */
    void requireFits() {
        long most = heapBytes / 5 * 4;
        Map<String, Long> parts = new LinkedHashMap<>();
        parts.put("--cache-mib", cacheBytes);
        parts.put("1.5 × --unsent-mib", unsentBytes + unsentBytes / 2);
        parts.put("rows to be written", unwrittenBytes);
        double sum = parts.values().stream().mapToDouble(Long::doubleValue).sum(); // a long may overflow
        if (sum > most) {
            throw new IllegalArgumentException(parts.entrySet().stream()
                            .map(part -> part.getKey() + " " + mib(part.getValue()))
                            .collect(Collectors.joining(" + "))
                    + " = " + mib(sum) + " MiB (expected: at most " + mib(most) + ", four fifths of the heap of "
                    + mib(heapBytes) + " MiB; LYNE_HEAP sets it)");
        }
    }

    private static String mib(double bytes) {
        return Long.toString(Math.round(bytes / (1 << 20)));
    }
}
