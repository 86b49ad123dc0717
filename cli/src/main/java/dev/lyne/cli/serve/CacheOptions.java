package dev.lyne.cli.serve;

import dev.lyne.cli.common.AtLeast;
import dev.lyne.teacher.admission.ServerLimits;
import dev.lyne.teacher.cache.disk.DiskTierOptions;
import dev.lyne.teacher.cache.shared.SharedTierOptions;
import dev.lyne.teacher.server.TeacherServerOptions;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say where, and how many, rows a server keeps that it has computed. */
final class CacheOptions {
    private static final long MOST_DEFAULT_CACHE_MIB = 512;
    private static final long DEFAULT_DISK_MIB = 10_240;
    private static final long DEFAULT_TTL_SECONDS = 604_800;
    private static final long DEFAULT_BUDGET_MILLIS = 200;

    @Option(
            names = "--cache-mib",
            paramLabel = "N",
            description = "Encoded rows kept in memory, MiB; 0: none (default: a quarter of the heap, at most "
                    + MOST_DEFAULT_CACHE_MIB + ").")
    private @Nullable Long cacheMib;

    @Option(
            names = "--unsent-mib",
            paramLabel = "N",
            description =
                    "Rows that are computed or wait for their readers, over all streams, MiB; above its fair share of it a"
                            + " stream waits while it is used up (default: a quarter of the heap, or what a larger cache leaves).")
    private @Nullable Long unsentMib;

    @Option(
            names = "--max-streams-per-connection",
            paramLabel = "N",
            description = "Most calls at a time on one connection (default: ${DEFAULT-VALUE}).",
            defaultValue = "256")
    private int maxStreams;

    @Option(
            names = "--max-connections",
            paramLabel = "N",
            description = "Most connections; more are closed as they come (default: ${DEFAULT-VALUE}).",
            defaultValue = "512")
    private int maxConnections;

    @Option(
            names = "--disk-cache",
            paramLabel = "DIR",
            description = "Keep encoded rows in this directory, too, which is this server's own (default: nowhere).")
    private @Nullable Path disk;

    @Option(
            names = "--disk-cache-mib",
            paramLabel = "N",
            description = "Most that the disk cache's files take, MiB (default: " + DEFAULT_DISK_MIB + ").")
    private @Nullable Long diskMib;

    @Option(
            names = "--shared-cache",
            paramLabel = "redis://HOST:PORT",
            description = "Share encoded rows with other servers through this Redis server (default: none).")
    private @Nullable String shared;

    @Option(
            names = "--shared-cache-ttl-seconds",
            paramLabel = "N",
            description = "How long rows live in the shared cache, s (default: " + DEFAULT_TTL_SECONDS + ", a week).")
    private @Nullable Long ttlSeconds;

    @Option(
            names = "--shared-cache-budget-ms",
            paramLabel = "N",
            description =
                    "Longest that the shared cache holds a sequence up, ms (default: " + DEFAULT_BUDGET_MILLIS + ").")
    private @Nullable Long budgetMillis;

    /** @throws IllegalArgumentException naming the option that cannot be, or that has no effect */
    void applyTo(TeacherServerOptions.Builder options) {
        long heapMib = Runtime.getRuntime().maxMemory() >> 20;
        long cacheBytes = bytes("--cache-mib", or(cacheMib, Math.min(MOST_DEFAULT_CACHE_MIB, heapMib / 4)));
        int slower = (disk == null ? 0 : 1) + (shared == null ? 0 : 1);
        options.memoryCacheBytes(cacheBytes);
        options.limits(ServerLimits.DEFAULT.withServer(
                unsentMib == null
                        ? TeacherServerOptions.usualUnsentBytes(cacheBytes, slower)
                        : bytes("--unsent-mib", unsentMib),
                maxStreams,
                maxConnections));
        if (disk != null) {
            options.tier(DiskTierOptions.of(disk, bytes("--disk-cache-mib", or(diskMib, DEFAULT_DISK_MIB))));
        } else {
            refuse("--disk-cache-mib", diskMib, "--disk-cache DIR");
        }
        if (shared != null) {
            AtLeast.require("--shared-cache-ttl-seconds", or(ttlSeconds, DEFAULT_TTL_SECONDS), 1);
            AtLeast.require("--shared-cache-budget-ms", or(budgetMillis, DEFAULT_BUDGET_MILLIS), 1);
            options.tier(SharedTierOptions.of(
                    shared,
                    Duration.ofSeconds(or(ttlSeconds, DEFAULT_TTL_SECONDS)),
                    Duration.ofMillis(or(budgetMillis, DEFAULT_BUDGET_MILLIS))));
        } else {
            refuse("--shared-cache-ttl-seconds", ttlSeconds, "--shared-cache redis://HOST:PORT");
            refuse("--shared-cache-budget-ms", budgetMillis, "--shared-cache redis://HOST:PORT");
        }
    }

    /** Refuses caches for rows that are not computed. */
    void requireNone(String because) {
        if (disk != null || shared != null) {
            throw new IllegalArgumentException((disk != null ? "--disk-cache: " + disk : "--shared-cache: " + shared)
                    + " (expected: none " + because + ")");
        }
    }

    private static long bytes(String option, long mebibytes) {
        if (mebibytes < 0 || mebibytes > Long.MAX_VALUE >> 20) {
            throw new IllegalArgumentException(
                    option + ": " + mebibytes + " (expected: 0.." + (Long.MAX_VALUE >> 20) + ")");
        }
        return mebibytes << 20;
    }

    private static long or(@Nullable Long value, long otherwise) {
        return value == null ? otherwise : value;
    }

    private static void refuse(String option, @Nullable Long value, String needed) {
        if (value != null) {
            throw new IllegalArgumentException(option + ": " + value + " (expected: only with " + needed + ")");
        }
    }
}
