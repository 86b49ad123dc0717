/** The forward with selection on the device: sparse rows of token sequences. */
@NullMarked
package dev.lyne.lm.scoring;

import org.jspecify.annotations.NullMarked;
