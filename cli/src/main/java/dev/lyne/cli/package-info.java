/** The command line: the composition root of every other module. */
@NullMarked
package dev.lyne.cli;

import org.jspecify.annotations.NullMarked;
