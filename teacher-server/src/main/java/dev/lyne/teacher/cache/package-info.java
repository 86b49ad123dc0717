/** Keeps encoded rows in memory, and lets equal requests that are in flight together share one computation. */
@NullMarked
package dev.lyne.teacher.cache;

import org.jspecify.annotations.NullMarked;
