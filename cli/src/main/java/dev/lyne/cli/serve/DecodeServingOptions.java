package dev.lyne.cli.serve;

import dev.lyne.cli.common.AtLeast;
import dev.lyne.teacher.decode.DecodeOptions;
import dev.lyne.teacher.server.MemoryPlan;
import dev.lyne.teacher.server.TeacherServerOptions;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say how a server decodes. */
final class DecodeServingOptions {
    private static final long MOST_MIB = Long.MAX_VALUE >> 20;

    @Option(
            names = "--kv-cache-mib",
            paramLabel = "N",
            description =
                    "Memory for keys and values of sequences that are decoded, on the device, MiB; 0: do not decode"
                            + " (default: 1024; on the CPU an eighth of the memory where that is less).")
    private @Nullable Long cacheMib;

    @Option(
            names = "--decode-batch-millis",
            paramLabel = "N",
            defaultValue = "50",
            description = "Longest that a forward of scoring may take while sequences wait to be decoded, ms"
                    + " (default: ${DEFAULT-VALUE}).")
    private long batchMillis;

    @Option(
            names = "--decode-idle-seconds",
            paramLabel = "N",
            defaultValue = "300",
            description =
                    "How long a decoding session may say nothing before it is ended, s (default: ${DEFAULT-VALUE}).")
    private long idleSeconds;

    /** @param device where texts are decoded */
    void applyTo(TeacherServerOptions.Builder options, String device) {
        AtLeast.require("--decode-batch-millis", batchMillis, 1);
        AtLeast.require("--decode-idle-seconds", idleSeconds, 1);
        options.decoding(DecodeOptions.DEFAULT.with(
                cacheBytes("--kv-cache-mib", Optional.ofNullable(cacheMib), device),
                Duration.ofMillis(batchMillis),
                Duration.ofSeconds(idleSeconds)));
    }

    /**
     * Returns the bytes of keys and values.
     *
     * @param option the name that the number has
     * @param mib the number; empty: what suits the device, and on the CPU the memory that there is
     */
    static long cacheBytes(String option, Optional<Long> mib, String device) {
        if (mib.isEmpty()) {
            return device.equals("cpu")
                    ? DecodeOptions.usualCacheBytes(
                            MemoryPlan.ofThisProcess(0, 0).availableBytes())
                    : DecodeOptions.USUAL_CACHE_BYTES;
        }
        AtLeast.require(option, mib.get(), 0);
        return Math.min(mib.get(), MOST_MIB) << 20;
    }
}
