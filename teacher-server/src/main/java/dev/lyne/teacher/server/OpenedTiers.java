package dev.lyne.teacher.server;

import dev.lyne.teacher.cache.CacheTiers;
import dev.lyne.teacher.cache.LaneOptions;
import dev.lyne.teacher.cache.SlowerTier;
import dev.lyne.teacher.cache.TierMetrics;
import dev.lyne.teacher.cache.TierOptions;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.ArrayList;
import java.util.List;

/** Opens the cache tiers that the options name. */
final class OpenedTiers {
    private OpenedTiers() {}

    /** @throws IllegalArgumentException where what a tier's options name cannot be used; tiers that were opened are closed again */
    static CacheTiers open(TeacherServerOptions options, MeterRegistry registry) throws InterruptedException {
        List<SlowerTier> slower = new ArrayList<>();
        try {
            for (TierOptions tier : options.slowerTiers()) {
                slower.add(open(tier, registry));
            }
            return CacheTiers.open(options.memoryCacheBytes(), slower, System::nanoTime, registry);
        } catch (Throwable e) {
            slower.forEach(opened -> opened.tier().close());
            throw e;
        }
    }

    private static SlowerTier open(TierOptions options, MeterRegistry registry) throws InterruptedException {
        TierMetrics metrics = new TierMetrics(registry, options.name());
        LaneOptions lane = new LaneOptions(
                options.lookupThreads(),
                options.longestTurn(),
                HeapPlan.unwrittenBytes(Runtime.getRuntime().maxMemory()));
        return new SlowerTier(options.open(metrics), lane, metrics);
    }
}
