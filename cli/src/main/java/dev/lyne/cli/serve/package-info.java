/** Commands around a teacher server: start it, ask its health, look at its rows. */
@NullMarked
package dev.lyne.cli.serve;

import org.jspecify.annotations.NullMarked;
