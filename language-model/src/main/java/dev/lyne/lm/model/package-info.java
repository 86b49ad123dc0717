/** What a causal language model is: its configuration, precision, digests; and the model itself. */
@NullMarked
package dev.lyne.lm.model;

import org.jspecify.annotations.NullMarked;
