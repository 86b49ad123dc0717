/** Targets recorded to files, and read from them as they would come from a stream. */
@NullMarked
package dev.lyne.student.capture;

import org.jspecify.annotations.NullMarked;
