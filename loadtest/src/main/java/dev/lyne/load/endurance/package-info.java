/** Tests of what a server bears: mixed load for long, and messages, frames and requests that are hardly any. */
@NullMarked
package dev.lyne.load.endurance;

import org.jspecify.annotations.NullMarked;
