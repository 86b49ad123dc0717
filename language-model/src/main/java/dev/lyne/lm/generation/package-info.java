/** Sampling continuations with a key-value cache. */
@NullMarked
package dev.lyne.lm.generation;

import org.jspecify.annotations.NullMarked;
