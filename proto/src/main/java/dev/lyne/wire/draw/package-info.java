/** What both ends agree on when tokens are drawn. */
@NullMarked
package dev.lyne.wire.draw;

import org.jspecify.annotations.NullMarked;
