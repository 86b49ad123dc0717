/** Files that are there whole or not at all, and directories that one at a time works in. */
@NullMarked
package dev.lyne.files;

import org.jspecify.annotations.NullMarked;
