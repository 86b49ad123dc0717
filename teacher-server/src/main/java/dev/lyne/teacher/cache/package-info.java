/**
 * Answers equal requests once: from rows kept in tiers (memory, then the slower ones), from a computation in flight, or from a
 * new one. The tiers themselves are {@link dev.lyne.teacher.cache.Tier}s; this package knows only the one in memory.
 */
@NullMarked
package dev.lyne.teacher.cache;

import org.jspecify.annotations.NullMarked;
