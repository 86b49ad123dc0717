/** The load generator: many students against any teacher server, and what they saw. */
@NullMarked
package dev.lyne.load;

import org.jspecify.annotations.NullMarked;
