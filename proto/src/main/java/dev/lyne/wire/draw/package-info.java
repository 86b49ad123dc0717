/** Randomness of draws that both ends agree on. */
@NullMarked
package dev.lyne.wire.draw;

import org.jspecify.annotations.NullMarked;
