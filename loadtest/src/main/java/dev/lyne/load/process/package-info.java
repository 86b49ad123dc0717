/** Lyne's commands in processes of their own, what their servers have counted, and where Lyne is installed. */
@NullMarked
package dev.lyne.load.process;

import org.jspecify.annotations.NullMarked;
