/** What a teacher's rows are, whoever holds them: where they came from. */
@NullMarked
package dev.lyne.row;

import org.jspecify.annotations.NullMarked;
