/** A well-behaved client beside whatever goes on, which compares every row that it is handed with what is right. */
@NullMarked
package dev.lyne.load.audit;

import org.jspecify.annotations.NullMarked;
