package dev.lyne.cli.measure;

import dev.lyne.load.bench.RandomBlocks;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Blocks for a decoder in another language. */
@Command(
        name = "blocks",
        description =
                "Random blocks of every selection and precision, each with the digest of what Java's decoder makes of it:"
                        + " python/tools/check_blocks.py reads them.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchBlocks implements Callable<Integer> {
    @Option(names = "--count", defaultValue = "1000000", description = "Number of blocks (default: ${DEFAULT-VALUE}).")
    private long count;

    @Option(names = "--seed", defaultValue = "1", description = "Seed of the blocks (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--out", paramLabel = "FILE", description = "Where to write them (default: stdout).")
    private @Nullable Path out;

    @Option(
            names = "--alike",
            description =
                    "Blocks of one form, as a student's stream has them: compact, top-k 64 of 32,768 ids, 256 rows.")
    private boolean alike;

    @Option(
            names = "--time",
            paramLabel = "FILE",
            description =
                    "In place of writing: decode such a file, a round for each line on stdin, and answer each with entries a second.")
    private @Nullable Path timed;

    @Override
    public Integer call() throws Exception {
        if (timed != null) {
            try (var frames = new BufferedInputStream(Files.newInputStream(timed))) {
                RandomBlocks.time(
                        frames,
                        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)),
                        System.out);
            }
            return 0;
        }
        if (count < 1 || alike && count > 1 << 20) {
            throw new IllegalArgumentException(
                    "--count: " + count + " (expected: 1 or more, with --alike up to 1048576)");
        }
        try (OutputStream to =
                new BufferedOutputStream(out == null ? System.out : Files.newOutputStream(out), 1 << 16)) {
            if (alike) {
                RandomBlocks.writeAlike(seed, (int) count, to);
            } else {
                RandomBlocks.write(seed, count, to);
            }
        }
        return 0;
    }
}
