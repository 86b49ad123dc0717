/** Target blocks: sparse log-probability rows of one sequence as self-describing bytes. */
@NullMarked
package dev.lyne.wire;

import org.jspecify.annotations.NullMarked;
