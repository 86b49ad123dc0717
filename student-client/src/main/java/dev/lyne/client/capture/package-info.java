/** Targets out of a capture, as they would come from a stream. */
@NullMarked
package dev.lyne.client.capture;

import org.jspecify.annotations.NullMarked;
