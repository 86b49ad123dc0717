package dev.lyne.cli.serve;

import dev.lyne.cli.common.AtLeast;
import dev.lyne.teacher.decode.DecodeOptions;
import dev.lyne.teacher.server.TeacherServerOptions;
import java.time.Duration;
import picocli.CommandLine.Option;

/** The options that say how a server decodes. */
final class DecodeServingOptions {
    private static final long MOST_MIB = Long.MAX_VALUE >> 20;

    @Option(
            names = "--kv-cache-mib",
            paramLabel = "N",
            defaultValue = "1024",
            description =
                    "Memory for keys and values of sequences that are decoded, on the device, MiB; 0: do not decode"
                            + " (default: ${DEFAULT-VALUE}).")
    private long cacheMib;

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

    void applyTo(TeacherServerOptions.Builder options) {
        AtLeast.require("--kv-cache-mib", cacheMib, 0);
        AtLeast.require("--decode-batch-millis", batchMillis, 1);
        AtLeast.require("--decode-idle-seconds", idleSeconds, 1);
        options.decoding(DecodeOptions.DEFAULT.with(
                Math.min(cacheMib, MOST_MIB) << 20, Duration.ofMillis(batchMillis), Duration.ofSeconds(idleSeconds)));
    }
}
