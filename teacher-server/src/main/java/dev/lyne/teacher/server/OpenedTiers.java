package dev.lyne.teacher.server;

import dev.lyne.teacher.cache.CacheTiers;
import dev.lyne.teacher.cache.LaneOptions;
import dev.lyne.teacher.cache.SlowerTier;
import dev.lyne.teacher.cache.Tier;
import dev.lyne.teacher.cache.TierMetrics;
import dev.lyne.teacher.cache.disk.DiskTier;
import dev.lyne.teacher.cache.disk.DiskTierOptions;
import dev.lyne.teacher.cache.shared.SharedTier;
import dev.lyne.teacher.cache.shared.SharedTierOptions;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Opens the cache tiers that the options name. */
final class OpenedTiers {
    private static final int DISK_THREADS = 2;
    private static final int SHARED_THREADS = 8;

    private OpenedTiers() {}

    /** @throws IllegalArgumentException where the disk cache's directory cannot be written, or another server holds it */
    static CacheTiers open(TeacherServerOptions options, MeterRegistry registry) throws InterruptedException {
        List<SlowerTier> slower = new ArrayList<>();
        if (options.diskCache().isPresent()) {
            slower.add(disk(options.diskCache().get(), registry));
        }
        if (options.sharedCache().isPresent()) {
            slower.add(shared(options.sharedCache().get(), registry));
        }
        return CacheTiers.open(options.memoryCacheBytes(), slower, System::nanoTime, registry);
    }

    private static SlowerTier disk(DiskTierOptions options, MeterRegistry registry) {
        TierMetrics metrics = new TierMetrics(registry, DiskTier.NAME);
        DiskTier tier = DiskTier.open(options, System::nanoTime, metrics);
        return slower(tier, DISK_THREADS, LaneOptions.ANY_TURN, metrics);
    }

    private static SlowerTier shared(SharedTierOptions options, MeterRegistry registry) throws InterruptedException {
        TierMetrics metrics = new TierMetrics(registry, SharedTier.NAME);
        SharedTier tier = SharedTier.open(options, metrics);
        return slower(tier, SHARED_THREADS, tier.longestTurn(), metrics);
    }

    private static SlowerTier slower(Tier tier, int threads, Duration longestTurn, TierMetrics metrics) {
        LaneOptions options = new LaneOptions(
                threads,
                longestTurn,
                HeapPlan.unwrittenBytes(Runtime.getRuntime().maxMemory()));
        return new SlowerTier(tier, options, metrics);
    }
}
