/** Packs sequences of all streams into batches of tokens, and runs them on the thread that owns the device. */
@NullMarked
package dev.lyne.teacher.batch;

import org.jspecify.annotations.NullMarked;
