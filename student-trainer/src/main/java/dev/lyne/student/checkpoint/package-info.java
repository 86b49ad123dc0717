/** Checkpoints: directories written aside, forced to the disk and renamed, so that none is ever half there. */
@NullMarked
package dev.lyne.student.checkpoint;

import org.jspecify.annotations.NullMarked;
