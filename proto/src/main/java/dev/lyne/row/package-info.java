/**
 * What a teacher's rows are, whoever holds them: which entries they keep, how they are coded, where they came from. Models, the wire, servers
 * and students share these types.
 */
@NullMarked
package dev.lyne.row;

import org.jspecify.annotations.NullMarked;
