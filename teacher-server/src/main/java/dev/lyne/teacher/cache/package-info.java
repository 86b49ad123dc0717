/**
 * The tiers that keep encoded rows: memory, and the slower {@link dev.lyne.teacher.cache.Tier}s below it. The door is {@link
 * dev.lyne.teacher.cache.TeacherCaches}.
 */
@NullMarked
package dev.lyne.teacher.cache;

import org.jspecify.annotations.NullMarked;
