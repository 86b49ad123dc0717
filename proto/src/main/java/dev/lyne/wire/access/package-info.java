/** Rules of access that both ends use: bearer tokens and the files that hold them, and which hosts are this machine. */
@NullMarked
package dev.lyne.wire.access;

import org.jspecify.annotations.NullMarked;
