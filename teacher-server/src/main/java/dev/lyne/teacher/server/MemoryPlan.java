package dev.lyne.teacher.server;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Plan of what a server's process takes of the memory that it has, all of it together. Direct memory counts where
 * somebody has named its bound; else the launcher bounds it by what the heap leaves, and in practice it is far less.
 *
 * @param heapBytes the Java heap
 * @param directBytes the bound of network buffers and tensors in transfer; 0 where nobody has named it
 * @param weightBytes weights of all models where they are in this memory, and not on a device of its own
 * @param keyValueBytes keys and values of texts that are decoded, likewise
 * @param availableBytes the machine's memory, or its control group's where that is less
 */
public record MemoryPlan(long heapBytes, long directBytes, long weightBytes, long keyValueBytes, long availableBytes) {
    /** The virtual machine itself, libtorch, threads, network buffers, activations of a forward. */
    private static final long OTHER_BYTES = 512L << 20;

    /** Variable by which the bound of direct memory is named. */
    private static final String DIRECT = "LYNE_DIRECT_MEMORY";

    /** Property that the launcher sets: MiB of the least of the control groups that this process is in. */
    private static final String GROUPS = "lyne.memory.mib";

    /** The plan of this process. */
    public static MemoryPlan ofThisProcess(long weightBytes, long keyValueBytes) {
        return new MemoryPlan(
                Runtime.getRuntime().maxMemory(),
                System.getenv(DIRECT) == null ? 0 : directBound(),
                weightBytes,
                keyValueBytes,
                available(
                        ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class)
                                .getTotalMemorySize(),
                        Long.getLong(GROUPS, Long.MAX_VALUE >> 20)));
    }

    /** Java looks at the process's own control group alone, the launcher at those above it, too. */
    static long available(long seenBytes, long groupsMib) {
        return Math.min(seenBytes, groupsMib << 20);
    }

    /** Returns the virtual machine's bound of direct memory: the heap's where no flag says otherwise. */
    private static long directBound() {
        long flag = Long.parseLong(ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
                .getVMOption("MaxDirectMemorySize")
                .getValue());
        return flag == 0 ? Runtime.getRuntime().maxMemory() : flag;
    }

    private Map<String, Long> parts() {
        Map<String, Long> parts = new LinkedHashMap<>();
        parts.put("heap (LYNE_HEAP)", heapBytes);
        if (directBytes > 0) {
            parts.put("direct memory (" + DIRECT + ")", directBytes);
        }
        parts.put("weights", weightBytes);
        parts.put("--kv-cache-mib", keyValueBytes);
        parts.put("the process itself", OTHER_BYTES);
        return parts;
    }

    private static double sum(Map<String, Long> parts) {
        return parts.values().stream().mapToDouble(Long::doubleValue).sum(); // a long may overflow
    }

    /** Whether there is as much. */
    public boolean fits() {
        return sum(parts()) <= availableBytes;
    }

    /** @throws IllegalArgumentException with the sum, where it is more than there is */
    public void requireFits() {
        if (!fits()) {
            Map<String, Long> parts = parts();
            double sum = sum(parts);
            throw new IllegalArgumentException("memory: "
                    + parts.entrySet().stream()
                            .map(part -> part.getKey() + " " + mib(part.getValue()))
                            .collect(Collectors.joining(" + "))
                    + " = " + mib(sum) + " MiB (expected: at most " + mib(availableBytes)
                    + ", what this machine or container has; lower one of them, or raise the limit)");
        }
    }

    private static String mib(double bytes) {
        return Long.toString(Math.round(bytes / (1 << 20)));
    }
}
