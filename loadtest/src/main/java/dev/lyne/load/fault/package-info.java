/** Faults against real processes. */
@NullMarked
package dev.lyne.load.fault;

import org.jspecify.annotations.NullMarked;
