/** Causal language models as they are described: configuration, precision and digests. */
@NullMarked
package dev.lyne.lm.model;

import org.jspecify.annotations.NullMarked;
