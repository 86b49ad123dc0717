package dev.lyne.teacher.cache;

/**
 * A tier below memory.
 *
 * @param options how much of it is used at a time
 * @param metrics told what it does
 */
public record SlowerTier(Tier tier, LaneOptions options, TierMetrics metrics) {}
