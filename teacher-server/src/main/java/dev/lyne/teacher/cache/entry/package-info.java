/** Stored rows as bytes for tiers outside this process: written with a checksum, read with distrust. */
@NullMarked
package dev.lyne.teacher.cache.entry;

import org.jspecify.annotations.NullMarked;
