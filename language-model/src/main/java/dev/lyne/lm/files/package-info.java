/** Files that are whole or not there: written aside, forced to the disk, renamed. */
@NullMarked
package dev.lyne.lm.files;

import org.jspecify.annotations.NullMarked;
