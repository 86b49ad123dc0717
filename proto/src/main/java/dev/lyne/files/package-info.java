/** Files that are there whole or not at all, directories that one at a time works in, and why a file cannot be read. */
@NullMarked
package dev.lyne.files;

import org.jspecify.annotations.NullMarked;
