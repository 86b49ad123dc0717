/** Targets of a corpus recorded to files. */
@NullMarked
package dev.lyne.student.capture;

import org.jspecify.annotations.NullMarked;
