/** Safetensors files: memory-mapped reading, sharded or single, and writing. */
@NullMarked
package dev.lyne.lm.weights;

import org.jspecify.annotations.NullMarked;
