/**
 * A teacher's rows, whoever holds them: which entries they keep, how they are coded, where they came from, and what a model is asked for and
 * answers. Models, the wire, servers and students share these types.
 */
@NullMarked
package dev.lyne.row;

import org.jspecify.annotations.NullMarked;
