/** The training step: gradients, accumulation, clipping, AdamW, schedules. */
@NullMarked
package dev.lyne.lm.training;

import org.jspecify.annotations.NullMarked;
