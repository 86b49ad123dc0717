/** Continuing sequences over keys and values that are kept. */
@NullMarked
package dev.lyne.lm.generation;

import org.jspecify.annotations.NullMarked;
