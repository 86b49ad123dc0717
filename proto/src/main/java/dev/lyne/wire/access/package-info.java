/** Who may ask: bearer tokens and the files that hold them, and which hosts are this machine. Used by both ends. */
@NullMarked
package dev.lyne.wire.access;

import org.jspecify.annotations.NullMarked;
